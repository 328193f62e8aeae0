#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace axs::learn {

/// Linear warm-up to `peak`, then half a cosine down to `floor` at the last step (Loshchilov,
/// Hutter 2017, as in nanoGPT). Steps count from 0.
struct LearningRate {
  double peak{1e-3};
  double floor{1e-4};
  std::uint64_t warmup{100};
  std::uint64_t steps{2'000};

  double at(std::uint64_t step) const {
    if (step < warmup)
      return peak * static_cast<double>(step + 1) / static_cast<double>(warmup + 1);
    if (step >= steps) return floor;
    const double progress =
        static_cast<double>(step - warmup) / static_cast<double>(steps - warmup);
    return floor + 0.5 * (1.0 + std::cos(std::numbers::pi * progress)) * (peak - floor);
  }
};

}  // namespace axs::learn
