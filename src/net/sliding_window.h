#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "axs/core/assert.h"
#include "axs/core/time.h"

namespace axs::net {

/// The last `capacity` samples with exact order statistics. A sample costs two binary searches and
/// one move of at most `capacity` words; reading is free.
class SlidingWindow {
 public:
  explicit SlidingWindow(std::size_t capacity) : capacity_{capacity} { AXS_ASSERT(capacity > 0); }

  void add(Duration sample) {
    if (sorted_.size() == capacity_) {
      replace(newest_[next_], sample);
    } else {
      newest_.push_back({});
      sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), sample), sample);
    }
    newest_[next_] = sample;
    next_ = (next_ + 1) % capacity_;
  }

  std::size_t size() const { return sorted_.size(); }
  /// The sample of rank floor(q (size - 1)), 0 <= q <= 1; the window must not be empty.
  Duration quantile(double q) const {
    AXS_ASSERT(!sorted_.empty());
    return sorted_[static_cast<std::size_t>(q * static_cast<double>(sorted_.size() - 1))];
  }
  Duration range() const { return sorted_.empty() ? Duration{} : sorted_.back() - sorted_.front(); }

 private:
  /// Only what lies between the two moves.
  void replace(Duration old, Duration sample) {
    const auto from = std::lower_bound(sorted_.begin(), sorted_.end(), old);
    const auto to = std::upper_bound(sorted_.begin(), sorted_.end(), sample);
    if (from < to)
      *std::move(from + 1, to, from) = sample;
    else
      std::move_backward(to, from, from + 1), *to = sample;
  }

  std::size_t capacity_;
  std::size_t next_ = 0;
  std::vector<Duration> newest_;  ///< A ring.
  std::vector<Duration> sorted_;
};

}  // namespace axs::net
