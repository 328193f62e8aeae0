#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/time.h"

namespace axs::net {

/// What a link can carry over time, as somebody measured it: `bytes_per_second` holds for `step`
/// each, one after the other from the epoch of the run on, and then again from the beginning.
struct CapacityTrace {
  Duration step{};
  std::vector<std::int64_t> bytes_per_second{};  ///< Empty: the link has a fixed rate.
};

/// One-way delays over time, likewise.
struct DelayTrace {
  Duration step{};
  std::vector<Duration> one_way{};  ///< Empty: the delay comes from elsewhere.

  Duration at(Instant now) const;  ///< Must not be empty.
};

/// Refuses steps that are no time, negative numbers, and a capacity that is 0 throughout.
Result<> validate(const CapacityTrace& trace, const std::string& what);
Result<> validate(const DelayTrace& trace, const std::string& what);

/// The integral of a capacity over time, exact: work is counted in bytes times 10^9, which a rate
/// of one byte per second does in a nanosecond each.
class RateIntegral {
 public:
  __extension__ using Work = __int128;
  static constexpr std::int64_t byte = 1'000'000'000;

  /// Of no capacity: to be replaced before it is asked.
  RateIntegral() = default;
  /// `trace` must be valid, and not empty.
  explicit RateIntegral(const CapacityTrace& trace);

  /// What can be done from `from` until before `until`, which is not earlier.
  Work between(Instant from, Instant until) const { return before(until) - before(from); }
  /// The first instant by which at least `work` > 0 has been done since `from`.
  Instant finish(Instant from, Work work) const;

 private:
  /// From the epoch; negative before it.
  Work before(Instant at) const;

  std::int64_t step_ns_ = 1;
  std::vector<std::int64_t> rates_;
  std::vector<Work> done_;  ///< At the start of each step, and at the end of the last.
};

}  // namespace axs::net
