#pragma once

#include <cstddef>
#include <deque>

#include "axs/core/time.h"

namespace axs::train {

/// How long something took the last times that it happened: enough of them to follow a change
/// within a minute, little enough to sort each time that somebody asks.
class RecentDurations {
 public:
  static constexpr std::size_t kept = 32;

  void add(Duration duration);
  std::size_t count() const { return durations_.size(); }
  /// The upper one where there are two; there must be a duration, here and below.
  Duration median() const;
  /// Median absolute deviation from the median.
  Duration deviation() const;

 private:
  std::deque<Duration> durations_;  ///< The oldest first.
};

}  // namespace axs::train
