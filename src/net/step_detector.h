#pragma once

#include <algorithm>

#include "axs/core/time.h"

namespace axs::net {

/// Tells a lasting shift of a path's round trip (a satellite handover, another fibre) from its
/// jitter: Page's two-sided CUSUM (Biometrika 41, 1954) on standardised samples
/// z = (x - level) / sigma, where up = max(0, up + z - kappa) alarms at h, and likewise down.
///
/// sigma is 1.25 times the mean absolute deviation, which is right for Gaussian noise. z is
/// clipped to +-4, so that one late packet is no shift: the quickest alarm takes
/// h / (4 - kappa) = 8 samples. For h: an excursion of the CUSUM reaches it with probability
/// e^(-theta h), where theta > 0 solves E e^(theta (z - kappa)) = 1 (Siegmund 1985, section 2.6).
/// For exponential noise, a heavier tail than that of the queues we have measured, and kappa = 0.75
/// that is theta = 0.71; at 50 samples a second and two sides, less than one false alarm a day
/// needs h >= ln(8.64e6) / 0.71 = 22.5. A false alarm costs nothing but a
/// fresh average.
class StepDetector {
 public:
  static constexpr double kappa = 0.75;
  static constexpr double threshold = 23;
  static constexpr double clip = 4;
  /// Deviations below this are the clocks and schedulers of the end points.
  static constexpr Duration least_deviation = microseconds(50);

  /// True if the level has shifted; it is then learnt anew, from this sample on.
  bool add(Duration sample) {
    if (seen_ < warm_up) return learn(sample), false;
    const double z = std::clamp((sample - level_).seconds() / sigma(), -clip, clip);
    up_ = std::max(up_ + z - kappa, 0.0);
    down_ = std::max(down_ - z - kappa, 0.0);
    if (std::max(up_, down_) >= threshold) return restart(sample), true;
    level_ = level_ + from_seconds(z * sigma() / memory);
    adapt(sample);
    return false;
  }
  Duration level() const { return level_; }

 private:
  static constexpr int warm_up = 16;
  static constexpr std::int64_t memory = 64;

  double sigma() const { return 1.25 * std::max(deviation_, least_deviation).seconds(); }
  void learn(Duration sample) {
    ++seen_;
    if (seen_ == 1) level_ = sample;
    adapt(sample);
    level_ = level_ + (sample - level_) / seen_;
  }
  void adapt(Duration sample) {
    const Duration off = sample > level_ ? sample - level_ : level_ - sample;
    const std::int64_t weight = std::min<std::int64_t>(seen_, memory);
    // One stray must not widen sigma for long.
    const Duration most = seen_ < warm_up ? off : 8 * std::max(deviation_, least_deviation);
    deviation_ = deviation_ + (std::min(off, most) - deviation_) / weight;
    seen_ = std::min<std::int64_t>(seen_ + (seen_ >= warm_up), memory);
  }
  void restart(Duration sample) {
    *this = {};
    learn(sample);
  }

  std::int64_t seen_ = 0;
  Duration level_{};
  Duration deviation_{};
  double up_ = 0;
  double down_ = 0;
};

}  // namespace axs::net
