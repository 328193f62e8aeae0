#include "axs/learn/ops.h"

#include <algorithm>
#include <cmath>

#include "axs/learn/fast_exp.h"
#include "axs/learn/simd.h"

namespace axs::learn {

namespace {

/// The largest of n values.
[[gnu::always_inline]] inline float maximum(const float* x, std::size_t n) {
  float top = x[0];
#pragma omp simd reduction(max : top)
  for (std::size_t i = 0; i < n; ++i) top = x[i] > top ? x[i] : top;
  return top;
}

/// Replaces x by exp(x - top) and returns the sum.
[[gnu::always_inline]] inline float exponentials(float* x, std::size_t n, float top) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = fast_exp(x[i] - top);
    sum += x[i];
  }
  return sum;
}

}  // namespace

void embed(std::span<const std::uint8_t> tokens, const float* table, float* out,
           std::size_t width) {
  for (const auto token : tokens) out = std::copy_n(table + token * width, width, out);
}

AXS_SIMD void embed_backward(std::span<const std::uint8_t> tokens, const float* d_out,
                             float* d_table, std::size_t width) {
  for (const auto token : tokens) {
    float* d_row = d_table + token * width;
#pragma omp simd
    for (std::size_t c = 0; c < width; ++c) d_row[c] += d_out[c];
    d_out += width;
  }
}

AXS_SIMD void rms_norm(const RmsNorm& norm, const float* in, float* out, float* scale) {
  const std::size_t rows = norm.extent.rows;
  const std::size_t width = norm.extent.width;
  const float* weight = norm.weight;
  for (std::size_t r = 0; r < rows; ++r, in += width, out += width) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t c = 0; c < width; ++c) sum += in[c] * in[c];
    const float s = 1.0F / std::sqrt(sum / static_cast<float>(width) + norm.epsilon);
    scale[r] = s;
#pragma omp simd
    for (std::size_t c = 0; c < width; ++c) out[c] = in[c] * s * weight[c];
  }
}

AXS_SIMD void rms_norm_backward(const RmsNorm& norm, const RmsNormSaved& saved, float* d_in,
                                float* d_weight) {
  const std::size_t rows = norm.extent.rows;
  const std::size_t width = norm.extent.width;
  const float* weight = norm.weight;
  const float* in = saved.in;
  const float* d_out = saved.d_out;
  std::fill_n(d_weight, width, 0.0F);
  for (std::size_t r = 0; r < rows; ++r, in += width, d_out += width, d_in += width) {
    const float s = saved.scale[r];
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (std::size_t c = 0; c < width; ++c) dot += d_out[c] * weight[c] * in[c];
    const float pull = dot * s * s * s / static_cast<float>(width);
#pragma omp simd
    for (std::size_t c = 0; c < width; ++c) {
      d_weight[c] += d_out[c] * in[c] * s;
      d_in[c] += d_out[c] * weight[c] * s - in[c] * pull;
    }
  }
}

AXS_SIMD void swiglu(const float* gate_up, float* out, Extent extent) {
  const std::size_t width = extent.width;
  for (std::size_t r = 0; r < extent.rows; ++r, gate_up += 2 * width, out += width) {
    const float* up = gate_up + width;
#pragma omp simd
    for (std::size_t c = 0; c < width; ++c)
      out[c] = gate_up[c] / (1.0F + fast_exp(-gate_up[c])) * up[c];
  }
}

AXS_SIMD void swiglu_backward(const float* gate_up, float* d_out, float* d_gate_up, Extent extent) {
  const std::size_t width = extent.width;
  for (std::size_t r = 0; r < extent.rows; ++r) {
    const float* up = gate_up + width;
    float* d_up = d_gate_up + width;
#pragma omp simd
    for (std::size_t c = 0; c < width; ++c) {
      const float gate = gate_up[c];
      const float sigmoid = 1.0F / (1.0F + fast_exp(-gate));
      const float silu = gate * sigmoid;
      const float d = d_out[c];
      d_gate_up[c] = d * up[c] * (sigmoid + silu * (1.0F - sigmoid));
      d_up[c] = d * silu;
      d_out[c] = silu * up[c];
    }
    gate_up += 2 * width;
    d_gate_up += 2 * width;
    d_out += width;
  }
}

AXS_SIMD double cross_entropy(float* logits, std::span<const std::uint8_t> targets,
                              std::size_t classes) {
  const float share = 1.0F / static_cast<float>(targets.size());
  double loss = 0;
  for (const auto target : targets) {
    const float top = maximum(logits, classes);
    const float wanted = logits[target];
    const float sum = exponentials(logits, classes, top);
    loss += std::log(static_cast<double>(sum)) + static_cast<double>(top - wanted);
    const float factor = share / sum;
#pragma omp simd
    for (std::size_t c = 0; c < classes; ++c) logits[c] *= factor;
    logits[target] -= share;
    logits += classes;
  }
  return loss;
}

}  // namespace axs::learn
