#pragma once

#include <algorithm>

#include "axs/core/time.h"
#include "axs/core/units.h"

namespace axs::net {

/// Lets bytes pass at a rate, and after a rest so many at once. One that passes more than there is
/// leaves a debt that has to be waited for, so packets of any size pass and the mean is kept.
class TokenBucket {
 public:
  /// `burst`: how much time's worth may be saved up.
  TokenBucket(BytesPerSecond rate, Duration burst, Instant start)
      : rate_{rate.value()}, burst_{rate.value() * burst.seconds()}, level_{burst_}, at_{start} {}

  bool open(Instant now) {
    refill(now);
    return level_ >= 0;
  }
  void take(Instant now, std::size_t bytes) {
    refill(now);
    level_ -= static_cast<double>(bytes);
  }
  BytesPerSecond rate() const { return BytesPerSecond{rate_}; }
  /// When it is open again, if nothing more is taken; at least a nanosecond after the last call.
  Instant opens_at() const {
    return level_ >= 0 ? at_ : at_ + from_seconds(-level_ / rate_) + nanoseconds(1);
  }

 private:
  void refill(Instant now) {
    if (now <= at_) return;
    level_ = std::min(burst_, level_ + rate_ * (now - at_).seconds());
    at_ = now;
  }

  double rate_;  ///< Bytes per second; likewise bytes below.
  double burst_;
  double level_;
  Instant at_;
};

}  // namespace axs::net
