#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "axs/core/time.h"

namespace axs::live {

/// Counts of durations in buckets of 1/16 of a power of two: quantiles are at most 6.25 % above the
/// true value, the maximum is exact. Fixed memory, no allocation; negative durations count as 0.
class LatencyHistogram {
 public:
  void record(Duration value) {
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, value.ns));
    ++buckets_[index(ns)];
    ++count_;
    sum_ += Duration{static_cast<std::int64_t>(ns)};
    max_ = std::max(max_, value);
  }
  void merge(const LatencyHistogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }
  std::uint64_t count() const { return count_; }
  Duration max() const { return max_; }
  Duration sum() const { return sum_; }

  /// The least bucket edge that at least the fraction q of the values do not exceed; 0 when empty.
  Duration quantile(double q) const {
    const double wanted = q * static_cast<double>(count_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > 0 && static_cast<double>(seen) >= wanted)
        return std::min(Duration{static_cast<std::int64_t>(upper_edge(i))}, max_);
    }
    return max_;
  }

 private:
  static constexpr int sub_bits = 4;
  static constexpr std::uint64_t sub = 1U << sub_bits;

  /// Values below 16 have a bucket each; above, the top five bits choose it.
  static std::size_t index(std::uint64_t ns) {
    if (ns < sub) return ns;
    const int shift = static_cast<int>(std::bit_width(ns)) - 1 - sub_bits;
    return static_cast<std::size_t>(shift) * sub + (ns >> shift);
  }
  static std::uint64_t upper_edge(std::size_t i) {
    if (i < sub) return i;
    const std::size_t shift = i / sub - 1;
    return ((i - shift * sub + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - sub_bits + 1) * sub> buckets_{};
  std::uint64_t count_{};
  Duration max_{};
  Duration sum_{};
};

}  // namespace axs::live
