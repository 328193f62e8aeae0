#include "axs/learn/adamw.h"

#include <algorithm>
#include <cmath>

#include "axs/core/assert.h"

namespace axs::learn {

namespace {

/// The update of one value; what depends on the step alone is computed once.
struct Update {
  float gradient_factor, beta1, beta2, epsilon, keep, step_size, correction;
};

struct Moments {
  float *first, *second;
};

AXS_SIMD void update_range(const Update& update, float* params, const float* gradient,
                           Moments moments, std::size_t n) {
  const Update u = update;
#pragma omp simd
  for (std::size_t i = 0; i < n; ++i) {
    const float g = gradient[i] * u.gradient_factor;
    const float m = u.beta1 * moments.first[i] + (1.0F - u.beta1) * g;
    const float v = u.beta2 * moments.second[i] + (1.0F - u.beta2) * g * g;
    moments.first[i] = m;
    moments.second[i] = v;
    const float denominator = std::sqrt(v) * u.correction + u.epsilon;
    params[i] = params[i] * u.keep - u.step_size * m / denominator;
  }
}

/// The sum of squares: blocks in fp32, their sum in double.
AXS_SIMD double sum_of_squares(const float* x, std::size_t n) {
  constexpr std::size_t block = 4096;
  double total = 0;
  for (std::size_t begin = 0; begin < n; begin += block) {
    const std::size_t end = std::min(begin + block, n);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t i = begin; i < end; ++i) sum += x[i] * x[i];
    total += static_cast<double>(sum);
  }
  return total;
}

void append(std::vector<train::FlatRange>& ranges, train::FlatRange range) {
  if (!ranges.empty() && ranges.back().begin + ranges.back().size == range.begin)
    ranges.back().size += range.size;
  else
    ranges.push_back(range);
}

}  // namespace

AdamW::AdamW(const ModelShape& shape, const AdamWRule& rule)
    : rule_{rule}, first_{parameter_count(shape)}, second_{parameter_count(shape)} {
  std::size_t begin = 0;
  for (const auto& tensor : parameter_tensors(shape)) {
    const bool matrix = tensor_dimensions(shape, tensor).size() == 2;
    append(matrix ? decayed_ : plain_, {begin, tensor.size});
    begin += tensor.size;
  }
}

double AdamW::step(std::span<float> params, std::span<const float> gradient, double learning_rate) {
  AXS_ASSERT(params.size() == first_.size() && gradient.size() == first_.size());
  ++steps_;
  const double norm = std::sqrt(sum_of_squares(gradient.data(), gradient.size()));
  const double t = static_cast<double>(steps_);
  const double correction1 = 1.0 - std::pow(static_cast<double>(rule_.beta1), t);
  const double correction2 = 1.0 - std::pow(static_cast<double>(rule_.beta2), t);
  const double clip = std::min(1.0, static_cast<double>(rule_.clip) / (norm + 1e-6));
  Update update{.gradient_factor = static_cast<float>(clip),
                .beta1 = rule_.beta1,
                .beta2 = rule_.beta2,
                .epsilon = rule_.epsilon,
                .keep = 1.0F,
                .step_size = static_cast<float>(learning_rate / correction1),
                .correction = static_cast<float>(1.0 / std::sqrt(correction2))};
  const auto apply = [&](const train::FlatRange& range) {
    update_range(update, params.data() + range.begin, gradient.data() + range.begin,
                 {first_.data() + range.begin, second_.data() + range.begin}, range.size);
  };
  std::ranges::for_each(plain_, apply);
  update.keep = static_cast<float>(1.0 - learning_rate * static_cast<double>(rule_.weight_decay));
  std::ranges::for_each(decayed_, apply);
  return norm;
}

}  // namespace axs::learn
