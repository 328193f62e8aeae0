#pragma once

#include <cstdint>
#include <span>

/// The outer optimiser of DiLoCo (Douillard et al. 2023, arXiv:2311.08105) as plain fp32 functions.
/// Every operation is element-wise and in site order, so all sites that feed in the same bytes get
/// the same bits, whatever the width of their vectors.
namespace axs::train {

/// Which gradient the momentum step follows; `nesterov` looks one step of momentum ahead.
enum class Momentum { plain, nesterov };

/// How the merged pseudo-gradient moves the parameters that all sites share.
struct OuterRule {
  float learning_rate{};
  float momentum{};
  Momentum kind{Momentum::nesterov};
};

/// out = before - after: how far the inner steps went, signed as a gradient.
void pseudo_gradient(std::span<const float> before, std::span<const float> after,
                     std::span<float> out);

/// out = sum of tokens[i] * deltas[i] / sum of tokens, summed in the order given, which is the
/// order of site ids everywhere. A site with no tokens is not read. At least one has some.
void merge(std::span<const std::span<const float>> deltas, std::span<const std::uint64_t> tokens,
           std::span<float> out);

/// One step of SGD with momentum, as torch.optim.SGD defines it: b = mu b + g; then
/// p -= lr (g + mu b) for nesterov, p -= lr b for plain. `momentum` starts as zeros.
void outer_step(std::span<float> params, std::span<float> momentum, std::span<const float> merged,
                const OuterRule& rule);

/// What a site does when the new shared parameters arrive while it computed on: it takes them over
/// and keeps its own progress since `sent`, which is a copy of `local` at the time of sending.
/// local = shared + (local - sent).
void adopt(std::span<const float> shared, std::span<const float> sent, std::span<float> local);

}  // namespace axs::train
