#include "axs/learn/attention.h"

#include <algorithm>
#include <cmath>

#include "axs/learn/fast_exp.h"
#include "axs/learn/gemm.h"
#include "axs/learn/simd.h"

namespace axs::learn {

namespace {

constexpr std::size_t lanes = 16;
constexpr std::size_t tile_rows = 4;

/// One vector register, or as many as the machine needs for it.
using Lanes = float __attribute__((vector_size(lanes * sizeof(float)), may_alias));

/// A matrix read with any strides, so that a transposed one needs no copy.
struct Strided {
  const float* data{};
  std::size_t row{};
  std::size_t column{};
};

/// The terms of a sum that are not known to be zero.
struct Terms {
  std::size_t begin{};
  std::size_t end{};
};

struct Rows {
  float* data{};
  std::size_t stride{};
};

/// c (tile_rows, lanes) = sum over the terms of a(:, k) b(k, :), or c plus that; b and c are
/// aligned.
template <Store store = Store::replace>
[[gnu::always_inline]] inline void tile(const Strided& a, Rows b, Terms terms, Rows c) {
  Lanes sum[tile_rows] = {};
  if constexpr (store == Store::add)
    for (std::size_t r = 0; r < tile_rows; ++r)
      sum[r] = *reinterpret_cast<const Lanes*>(c.data + r * c.stride);
  for (std::size_t k = terms.begin; k < terms.end; ++k) {
    const Lanes right = *reinterpret_cast<const Lanes*>(b.data + k * b.stride);
    for (std::size_t r = 0; r < tile_rows; ++r) sum[r] += a.data[r * a.row + k * a.column] * right;
  }
  for (std::size_t r = 0; r < tile_rows; ++r)
    *reinterpret_cast<Lanes*>(c.data + r * c.stride) = sum[r];
}

struct Square {
  std::size_t context{};  ///< Padded.
  std::size_t width{};
};

/// scores = a b, where a is (context, width) and b (width, context); only up to the diagonal.
[[gnu::always_inline]] inline void lower_product(const float* a, float* b, float* scores,
                                                 Square size) {
  for (std::size_t i = 0; i < size.context; i += tile_rows)
    for (std::size_t j = 0; j < i + tile_rows; j += lanes)
      tile({a + i * size.width, size.width, 1}, {b + j, size.context}, {0, size.width},
           {scores + i * size.context + j, size.context});
}

/// out = lower b, where lower is lower triangular (context, context) and b (context, width).
[[gnu::always_inline]] inline void lower_times(const float* lower, float* b, float* out,
                                               Square size) {
  for (std::size_t i = 0; i < size.context; i += tile_rows)
    for (std::size_t j = 0; j < size.width; j += lanes)
      tile({lower + i * size.context, size.context, 1}, {b + j, size.width}, {0, i + tile_rows},
           {out + i * size.width + j, size.width});
}

/// out += lower^T b.
[[gnu::always_inline]] inline void lower_transposed_times(const float* lower, float* b, float* out,
                                                          Square size) {
  for (std::size_t i = 0; i < size.context; i += tile_rows)
    for (std::size_t j = 0; j < size.width; j += lanes)
      tile<Store::add>({lower + i, 1, size.context}, {b + j, size.width}, {i, size.context},
                       {out + i * size.width + j, size.width});
}

[[gnu::always_inline]] inline void transpose(const float* in, float* out, Square size) {
  for (std::size_t i = 0; i < size.context; ++i)
    for (std::size_t d = 0; d < size.width; ++d) out[d * size.context + i] = in[i * size.width + d];
}

/// Softmax over the first n values of the row; the rest of the row becomes 0.
[[gnu::always_inline]] inline void softmax_row(float* row, std::size_t n, std::size_t padded) {
  float top = row[0];
#pragma omp simd reduction(max : top)
  for (std::size_t j = 0; j < n; ++j) top = row[j] > top ? row[j] : top;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t j = 0; j < n; ++j) {
    row[j] = fast_exp(row[j] - top);
    sum += row[j];
  }
  const float factor = 1.0F / sum;
#pragma omp simd
  for (std::size_t j = 0; j < n; ++j) row[j] *= factor;
  std::fill(row + n, row + padded, 0.0F);
}

/// Turns the gradient of a row of weights into that of its scores, in place.
[[gnu::always_inline]] inline void softmax_row_backward(const float* weights, float* row,
                                                        std::size_t n, std::size_t padded) {
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (std::size_t j = 0; j < n; ++j) dot += weights[j] * row[j];
#pragma omp simd
  for (std::size_t j = 0; j < n; ++j) row[j] = weights[j] * (row[j] - dot);
  std::fill(row + n, row + padded, 0.0F);
}

struct HeadBuffers {
  float *q, *k, *v, *transposed;
};

AXS_SIMD void attend(const HeadBuffers& head, float* weights, float* out, Square size) {
  transpose(head.k, head.transposed, size);
  lower_product(head.q, head.transposed, weights, size);
  for (std::size_t i = 0; i < size.context; ++i)
    softmax_row(weights + i * size.context, i + 1, size.context);
  lower_times(weights, head.v, out, size);
}

struct HeadGradient {
  float *d_out, *d_q, *d_k, *d_v, *scores;
};

AXS_SIMD void attend_backward(const HeadBuffers& head, const float* weights,
                              const HeadGradient& gradient, Square size) {
  transpose(head.v, head.transposed, size);
  lower_product(gradient.d_out, head.transposed, gradient.scores, size);
  for (std::size_t i = 0; i < size.context; ++i)
    softmax_row_backward(weights + i * size.context, gradient.scores + i * size.context, i + 1,
                         size.context);
  lower_times(gradient.scores, head.k, gradient.d_q, size);
  lower_transposed_times(gradient.scores, head.q, gradient.d_k, size);
  lower_transposed_times(weights, gradient.d_out, gradient.d_v, size);
}

}  // namespace

Attention::Attention(const ModelShape& shape)
    : shape_{shape}, transposed_{shape.head_width() * padded()}, scores_{padded() * padded()} {
  for (Buffer* head : {&q_, &k_, &v_, &d_out_, &out_, &d_q_, &d_k_, &d_v_})
    *head = Buffer{padded() * shape.head_width()};
  const std::size_t half = shape.head_width() / 2;
  cos_ = Buffer{shape.context * half};
  sin_ = Buffer{shape.context * half};
  for (std::size_t t = 0; t < shape.context; ++t) {
    for (std::size_t d = 0; d < half; ++d) {
      // transformers computes the angles in fp32; so do we, to agree with it to the last digits.
      const auto exponent = static_cast<float>(2 * d) / static_cast<float>(shape.head_width());
      const float frequency = 1.0F / std::pow(static_cast<float>(shape.rope_base), exponent);
      const float angle = static_cast<float>(t) * frequency;
      cos_.data()[t * half + d] = std::cos(angle);
      sin_.data()[t * half + d] = std::sin(angle);
    }
  }
}

std::size_t Attention::weights_size() const {
  return shape_.heads * padded() * padded();
}

void Attention::load(const float* rows, Columns columns, float* out) const {
  for (std::size_t t = 0; t < shape_.context; ++t)
    out = std::copy_n(rows + t * columns.stride + columns.first, shape_.head_width(), out);
}

void Attention::load_rotated(const float* rows, Columns columns, float* out) const {
  const std::size_t half = shape_.head_width() / 2;
  for (std::size_t t = 0; t < shape_.context; ++t) {
    const float* in = rows + t * columns.stride + columns.first;
    const float* cos = cos_.data() + t * half;
    const float* sin = sin_.data() + t * half;
#pragma omp simd
    for (std::size_t d = 0; d < half; ++d) {
      out[d] = (in[d] * cos[d] - in[d + half] * sin[d]) * columns.factor;
      out[d + half] = (in[d + half] * cos[d] + in[d] * sin[d]) * columns.factor;
    }
    out += 2 * half;
  }
}

void Attention::store_rotated_back(const float* in, Columns columns, float* rows) const {
  const std::size_t half = shape_.head_width() / 2;
  for (std::size_t t = 0; t < shape_.context; ++t) {
    float* out = rows + t * columns.stride + columns.first;
    const float* cos = cos_.data() + t * half;
    const float* sin = sin_.data() + t * half;
#pragma omp simd
    for (std::size_t d = 0; d < half; ++d) {
      out[d] = (in[d] * cos[d] + in[d + half] * sin[d]) * columns.factor;
      out[d + half] = (in[d + half] * cos[d] - in[d] * sin[d]) * columns.factor;
    }
    in += 2 * half;
  }
}

void Attention::store(const float* in, Columns columns, float* rows) const {
  for (std::size_t t = 0; t < shape_.context; ++t)
    std::copy_n(in + t * shape_.head_width(), shape_.head_width(),
                rows + t * columns.stride + columns.first);
}

Attention::Columns Attention::query(std::size_t head) const {
  const float scale = 1.0F / std::sqrt(static_cast<float>(shape_.head_width()));
  return {row_width(), head * shape_.head_width(), scale};
}

Attention::Columns Attention::key(std::size_t head) const {
  return {row_width(), shape_.width + head * shape_.head_width(), 1.0F};
}

Attention::Columns Attention::value(std::size_t head) const {
  return {row_width(), shape_.width + shape_.kv_width() + head * shape_.head_width(), 1.0F};
}

void Attention::forward(const float* qkv, float* out, float* weights, std::size_t sequences) {
  const std::size_t group = shape_.heads / shape_.kv_heads;
  const Square size{padded(), shape_.head_width()};
  const HeadBuffers buffers{q_.data(), k_.data(), v_.data(), transposed_.data()};
  for (std::size_t s = 0; s < sequences; ++s) {
    for (std::size_t head = 0; head < shape_.heads; ++head) {
      if (head % group == 0) {
        load_rotated(qkv, key(head / group), k_.data());
        load(qkv, value(head / group), v_.data());
      }
      load_rotated(qkv, query(head), q_.data());
      attend(buffers, weights, out_.data(), size);
      store(out_.data(), {shape_.width, head * shape_.head_width(), 1.0F}, out);
      weights += padded() * padded();
    }
    qkv += shape_.context * row_width();
    out += shape_.context * shape_.width;
  }
}

void Attention::backward(Saved saved, float* d_qkv, std::size_t sequences) {
  for (std::size_t s = 0; s < sequences; ++s) {
    for (std::size_t head = 0; head < shape_.kv_heads; ++head) backward_group(saved, head, d_qkv);
    saved.qkv += shape_.context * row_width();
    saved.weights += weights_size();
    saved.d_out += shape_.context * shape_.width;
    d_qkv += shape_.context * row_width();
  }
}

void Attention::backward_group(const Saved& saved, std::size_t kv_head, float* d_qkv) {
  const std::size_t group = shape_.heads / shape_.kv_heads;
  const Square size{padded(), shape_.head_width()};
  const HeadBuffers buffers{q_.data(), k_.data(), v_.data(), transposed_.data()};
  const HeadGradient gradient{d_out_.data(), d_q_.data(), d_k_.data(), d_v_.data(), scores_.data()};
  load_rotated(saved.qkv, key(kv_head), k_.data());
  load(saved.qkv, value(kv_head), v_.data());
  std::ranges::fill(d_k_.span(), 0.0F);
  std::ranges::fill(d_v_.span(), 0.0F);
  for (std::size_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
    load_rotated(saved.qkv, query(head), q_.data());
    load(saved.d_out, {shape_.width, head * shape_.head_width(), 1.0F}, d_out_.data());
    attend_backward(buffers, saved.weights + head * padded() * padded(), gradient, size);
    store_rotated_back(d_q_.data(), query(head), d_qkv);
  }
  store_rotated_back(d_k_.data(), key(kv_head), d_qkv);
  store(d_v_.data(), value(kv_head), d_qkv);
}

}  // namespace axs::learn
