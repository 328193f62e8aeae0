#include "axs/train/outer.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "axs/core/assert.h"

namespace axs::train {

namespace {

void scale_into(const float* delta, float share, float* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] += share * delta[i];
}

}  // namespace

void pseudo_gradient(std::span<const float> before, std::span<const float> after,
                     std::span<float> out) {
  AXS_ASSERT(before.size() == out.size() && after.size() == out.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = before[i] - after[i];
}

void merge(std::span<const std::span<const float>> deltas, std::span<const std::uint64_t> tokens,
           std::span<float> out) {
  AXS_ASSERT(deltas.size() == tokens.size());
  const auto total = std::accumulate(tokens.begin(), tokens.end(), std::uint64_t{0});
  AXS_ASSERT(total > 0);
  std::fill(out.begin(), out.end(), 0.0F);
  for (std::size_t site = 0; site < deltas.size(); ++site) {
    if (tokens[site] == 0) continue;
    AXS_ASSERT(deltas[site].size() == out.size());
    const double share = static_cast<double>(tokens[site]) / static_cast<double>(total);
    scale_into(deltas[site].data(), static_cast<float>(share), out.data(), out.size());
  }
}

void outer_step(std::span<float> params, std::span<float> momentum, std::span<const float> merged,
                const OuterRule& rule) {
  AXS_ASSERT(params.size() == merged.size() && momentum.size() == merged.size());
  const float mu = rule.momentum;
  // p -= lr (a g + c b) with (a, c) = (1, mu) for nesterov and (0, 1) for plain.
  const bool ahead = rule.kind == Momentum::nesterov;
  const float own = ahead ? 1.0F : 0.0F;
  const float held = ahead ? mu : 1.0F;
  for (std::size_t i = 0; i < merged.size(); ++i) {
    momentum[i] = mu * momentum[i] + merged[i];
    params[i] -= rule.learning_rate * (own * merged[i] + held * momentum[i]);
  }
}

void adopt(std::span<const float> shared, std::span<const float> sent, std::span<float> local) {
  AXS_ASSERT(shared.size() == local.size() && sent.size() == local.size());
  for (std::size_t i = 0; i < local.size(); ++i) local[i] = shared[i] + (local[i] - sent[i]);
}

}  // namespace axs::train
