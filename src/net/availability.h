#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "axs/core/time.h"
#include "axs/net/frequency_shift.h"

namespace axs::net {

/// Which part of the time a path is up, over the last half to whole hour, and lasting shifts of it:
/// whether a path has begun to flap. For those each second in which it was down counts as one.
class Availability {
 public:
  /// Since the last call the path has been up, or down. The first only starts the time.
  void advance(Instant now, bool up) {
    const Instant before = std::max(at_.value_or(now), now - most);
    const Duration span = std::max(now - before, Duration{});
    all_ += span;
    up_ += up ? span : Duration{};
    if (all_ > memory) all_ = all_ / 2, up_ = up_ / 2;
    const auto seconds_over = period_number(now, seconds(1)) - period_number(before, seconds(1));
    for (std::int64_t i = 0; i < seconds_over; ++i) {
      if (shift_.add(down_ || !up)) ++steps_;
      down_ = false;
    }
    down_ = down_ || (!up && span > Duration{});
    at_ = now;
  }
  /// 0 at the start.
  double share() const { return all_ > Duration{} ? up_.seconds() / all_.seconds() : 0; }
  /// Lasting shifts so far.
  std::uint32_t steps() const { return steps_; }

 private:
  static constexpr Duration memory = seconds(3600);
  static constexpr Duration most = seconds(600);  ///< At one go: clocks step.

  std::optional<Instant> at_;
  Duration all_{};
  Duration up_{};
  bool down_ = false;  ///< At some time of this second.
  FrequencyShift shift_;
  std::uint32_t steps_ = 0;
};

}  // namespace axs::net
