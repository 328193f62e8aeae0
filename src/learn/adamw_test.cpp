#include "axs/learn/adamw.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::learn;

namespace {

/// torch.optim.AdamW after clip_grad_norm_, one value at a time in double.
struct Reference {
  AdamWRule rule;
  std::vector<double> params, first, second;
  double steps{};

  void step(std::span<const float> gradient, double lr, const std::vector<bool>& decays) {
    ++steps;
    double norm = 0;
    for (const double g : gradient) norm += g * g;
    const double factor = std::min(1.0, static_cast<double>(rule.clip) / (std::sqrt(norm) + 1e-6));
    const double b1 = rule.beta1, b2 = rule.beta2;
    for (std::size_t i = 0; i < params.size(); ++i) {
      const double g = static_cast<double>(gradient[i]) * factor;
      if (decays[i]) params[i] -= lr * static_cast<double>(rule.weight_decay) * params[i];
      first[i] = b1 * first[i] + (1 - b1) * g;
      second[i] = b2 * second[i] + (1 - b2) * g * g;
      const double m = first[i] / (1 - std::pow(b1, steps));
      const double v = second[i] / (1 - std::pow(b2, steps));
      params[i] -= lr * m / (std::sqrt(v) + static_cast<double>(rule.epsilon));
    }
  }
};

std::vector<bool> which_decay(const ModelShape& shape) {
  std::vector<bool> decays;
  for (const auto& tensor : parameter_tensors(shape))
    decays.insert(decays.end(), tensor.size, tensor.name.find("norm") == std::string::npos);
  return decays;
}

}  // namespace

TEST_CASE("adamw: follows torch's formula over many steps, clipped and not") {
  const ModelShape shape{.vocabulary = 17,
                         .layers = 1,
                         .width = 32,
                         .heads = 2,
                         .kv_heads = 1,
                         .hidden = 16,
                         .context = 4};
  const std::size_t n = parameter_count(shape);
  Rng rng{4};
  std::vector<float> params(n), gradient(n);
  for (float& p : params) p = static_cast<float>(rng.uniform() - 0.5);
  AdamW optimiser{shape, {}};
  Reference reference{
      {}, {params.begin(), params.end()}, std::vector<double>(n), std::vector<double>(n)};
  const auto decays = which_decay(shape);
  for (int step = 0; step < 50; ++step) {
    // Norms from about 0.15 to 15 around the bound of 1.
    const double size = step % 2 == 0 ? 0.005 : 0.5;
    double squares = 0;
    for (float& g : gradient) {
      g = static_cast<float>((rng.uniform() - 0.5) * size);
      squares += static_cast<double>(g) * static_cast<double>(g);
    }
    const double norm = optimiser.step(params, gradient, 1e-2);
    CHECK(norm == doctest::Approx(std::sqrt(squares)).epsilon(1e-5));
    reference.step(gradient, 1e-2, decays);
  }
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i)
    worst = std::max(worst, std::abs(static_cast<double>(params[i]) - reference.params[i]));
  CHECK(worst < 2e-5);
  CHECK(optimiser.steps() == 50);
}
