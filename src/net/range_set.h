#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "axs/core/assert.h"

namespace axs::net {

/// Whole numbers from `first` up to, without, `end`.
struct Range {
  std::uint64_t first{};
  std::uint64_t end{};
  auto operator<=>(const Range&) const = default;
  std::uint64_t size() const { return end - first; }
};

/// A set of whole numbers as sorted ranges that neither overlap nor touch. What comes in order
/// costs O(1); a set in n pieces costs O(log n) to search and O(n) to change in its middle.
class RangeSet {
 public:
  bool empty() const { return ranges_.empty(); }
  const std::vector<Range>& ranges() const { return ranges_; }

  /// Adds `added`, which must not be empty, and returns how many numbers were not in before.
  std::uint64_t insert(Range added) {
    AXS_ASSERT(added.first < added.end);
    const auto begin = first_ending_at_or_after(added.first);
    auto end = begin;
    std::uint64_t overlap = 0;
    Range merged = added;
    for (; end != ranges_.end() && end->first <= added.end; ++end) {
      overlap += std::min(end->end, added.end) - std::max(end->first, added.first);
      merged = {std::min(merged.first, end->first), std::max(merged.end, end->end)};
    }
    if (begin == end) {
      ranges_.insert(begin, merged);
    } else {
      *begin = merged;
      ranges_.erase(begin + 1, end);
    }
    return added.size() - overlap;
  }

  /// Whether all of `whole` is in the set.
  bool contains(Range whole) const {
    const auto at = std::lower_bound(ranges_.begin(), ranges_.end(), whole.end,
                                     [](const Range& r, std::uint64_t n) { return r.end < n; });
    return at != ranges_.end() && at->first <= whole.first;
  }
  /// Whether inserting `added` would not make the set come in more pieces.
  bool touches(Range added) const {
    const auto at = std::lower_bound(ranges_.begin(), ranges_.end(), added.first,
                                     [](const Range& r, std::uint64_t n) { return r.end < n; });
    return at != ranges_.end() && at->first <= added.end;
  }

  /// Removes what is in `removed` and returns how many numbers that was.
  std::uint64_t erase(Range removed) {
    std::uint64_t count = 0;
    auto at = first_ending_at_or_after(removed.first + 1);
    while (at != ranges_.end() && at->first < removed.end) {
      const Range old = *at;
      count += std::min(old.end, removed.end) - std::max(old.first, removed.first);
      if (old.first < removed.first && old.end > removed.end) {
        *at = {removed.end, old.end};
        ranges_.insert(at, {old.first, removed.first});
        return count;
      }
      if (old.first < removed.first)
        (at++)->end = removed.first;
      else if (old.end > removed.end)
        (at++)->first = removed.end;
      else
        at = ranges_.erase(at);
    }
    return count;
  }

  /// Takes out the lowest numbers, at most `limit` of them, all in one range. Not on an empty set.
  Range take_front(std::uint64_t limit) {
    AXS_ASSERT(!ranges_.empty() && limit > 0);
    Range& front = ranges_.front();
    const Range taken{front.first, std::min(front.end, front.first + limit)};
    front.first = taken.end;
    if (front.first == front.end) ranges_.erase(ranges_.begin());
    return taken;
  }

  /// Calls visit(Range) for each piece of `whole` that is not in the set, in order.
  template <class Visit>
  void for_each_gap(Range whole, Visit&& visit) const {
    auto at = std::lower_bound(ranges_.begin(), ranges_.end(), whole.first,
                               [](const Range& r, std::uint64_t n) { return r.end < n; });
    for (; at != ranges_.end() && at->first < whole.end; ++at) {
      if (whole.first < at->first) visit(Range{whole.first, at->first});
      whole.first = std::max(whole.first, at->end);
    }
    if (whole.first < whole.end) visit(whole);
  }

  /// The lowest number that is not in the set.
  std::uint64_t first_gap() const {
    return empty() || ranges_.front().first > 0 ? 0 : ranges_.front().end;
  }

  /// Forgets the lowest ranges until at most `count` are left.
  void keep_highest(std::size_t count) {
    if (ranges_.size() > count)
      ranges_.erase(ranges_.begin(), ranges_.end() - static_cast<std::ptrdiff_t>(count));
  }
  void clear() { ranges_.clear(); }

 private:
  std::vector<Range>::iterator first_ending_at_or_after(std::uint64_t n) {
    if (ranges_.empty() || ranges_.back().end < n) return ranges_.end();
    if (ranges_.size() == 1 || (ranges_.end() - 2)->end < n) return ranges_.end() - 1;
    return std::lower_bound(ranges_.begin(), ranges_.end(), n,
                            [](const Range& r, std::uint64_t m) { return r.end < m; });
  }

  std::vector<Range> ranges_;
};

}  // namespace axs::net
