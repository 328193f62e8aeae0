#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "axs/core/time.h"

namespace axs::net {

/// The round trip of one path: smoothed value and variation (RFC 9002 section 5), and the least of
/// the last ten seconds, which follows a satellite handover to a longer route within that time.
class RttEstimator {
 public:
  static constexpr Duration initial = milliseconds(200);

  bool has_sample() const { return smoothed_.ns > 0; }
  Duration smoothed() const { return has_sample() ? smoothed_ : initial; }
  Duration latest() const { return has_sample() ? latest_ : initial; }
  Duration least() const { return has_sample() ? least_ : initial; }

  /// The least of the last one or two round trips: what a queue adds shows in it, and what a busy
  /// machine adds to this or that sample does not.
  Duration recent() const { return has_sample() ? std::min(least_now_, least_before_) : initial; }

  Duration variation() const { return has_sample() ? variation_ : initial / 2; }

  /// `acknowledged - sent` is the sample; the peer says that `ack_delay` of it was its own.
  void sample(Instant now, Duration round_trip, Duration ack_delay) {
    round_trip = std::max(round_trip, microseconds(1));
    update_least(now, round_trip);
    // A lying or slow peer must not push the sample below what the path can do.
    latest_ = round_trip - ack_delay >= least_ ? round_trip - ack_delay : round_trip;
    update_recent(now);
    if (!has_sample()) {
      smoothed_ = latest_;
      variation_ = latest_ / 2;
      return;
    }
    const Duration error = smoothed_ > latest_ ? smoothed_ - latest_ : latest_ - smoothed_;
    variation_ = (3 * variation_ + error) / 4;
    smoothed_ = std::max((7 * smoothed_ + latest_) / 8, nanoseconds(1));
  }
  /// RFC 9002 section 6.2.1, before backoff.
  Duration probe_timeout(Duration max_ack_delay) const {
    return smoothed() + std::max(4 * variation(), milliseconds(1)) + max_ack_delay;
  }

 private:
  static constexpr std::int64_t buckets = 10;

  void update_recent(Instant now) {
    if (!round_began_ || now - *round_began_ > smoothed_) {
      least_before_ = std::exchange(least_now_, latest_);
      round_began_ = now;
    }
    least_now_ = std::min(least_now_, latest_);
  }

  void update_least(Instant now, Duration round_trip) {
    const std::int64_t second = period_number(now, seconds(1));
    const std::int64_t newest = newest_second_.value_or(second - buckets);
    const std::int64_t passed = std::min(second - newest, buckets);
    for (std::int64_t i = 0; i < passed; ++i) least_of(second - i) = Duration{INT64_MAX};
    newest_second_ = std::max(newest, second);
    Duration& bucket = least_of(second);
    bucket = std::min(bucket, round_trip);
    if (passed > 0 || round_trip < least_)
      least_ = *std::min_element(least_by_second_.begin(), least_by_second_.end());
  }
  Duration& least_of(std::int64_t second) {
    return least_by_second_[static_cast<std::size_t>((second % buckets + buckets) % buckets)];
  }

  Duration smoothed_{};
  Duration variation_{};
  Duration latest_{};
  Duration least_{INT64_MAX};
  Duration least_now_{INT64_MAX};
  Duration least_before_{INT64_MAX};
  std::optional<Instant> round_began_;
  std::optional<std::int64_t> newest_second_;
  std::array<Duration, buckets> least_by_second_{};
};

}  // namespace axs::net
