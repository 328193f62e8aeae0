#include "axs/net/range_set.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <set>

using namespace axs::net;

namespace {

constexpr std::uint64_t universe = 60;
using Numbers = std::set<std::uint64_t>;

Numbers numbers_of(const RangeSet& set) {
  Numbers all;
  for (const Range& range : set.ranges())
    for (auto n = range.first; n < range.end; ++n) all.insert(n);
  return all;
}

bool in_pieces_of_its_own(const RangeSet& set) {
  const auto& ranges = set.ranges();
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].first >= ranges[i].end) return false;
    if (i > 0 && ranges[i - 1].end >= ranges[i].first) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a range set does what a set of numbers does") {
  CHECK(rc::check([](const std::vector<std::tuple<std::uint8_t, std::uint8_t, bool>>& changes) {
    RangeSet ranges;
    Numbers numbers;
    for (const auto& [start, size, add] : changes) {
      const std::uint64_t first = start % universe;
      const Range range{first, first + 1 + size % 9};
      Numbers missing;
      for (auto n = range.first; n < range.end; ++n)
        if (!numbers.contains(n)) missing.insert(n);
      Numbers gaps;
      ranges.for_each_gap(range, [&](Range gap) {
        for (auto n = gap.first; n < gap.end; ++n) gaps.insert(n);
      });
      RC_ASSERT(gaps == missing);
      const std::size_t pieces = ranges.ranges().size();
      const bool touches = ranges.touches(range);
      if (add) {
        RC_ASSERT(ranges.insert(range) == missing.size());
        RC_ASSERT(touches == (ranges.ranges().size() <= pieces));
        numbers.insert(missing.begin(), missing.end());
      } else {
        ranges.erase(range);
        for (auto n = range.first; n < range.end; ++n) numbers.erase(n);
      }
      RC_ASSERT(numbers_of(ranges) == numbers);
      RC_ASSERT(in_pieces_of_its_own(ranges));
    }
    if (ranges.empty()) return;
    const Range front = ranges.take_front(2);
    RC_ASSERT(front.first == *numbers.begin() && front.size() <= 2u);
    for (auto n = front.first; n < front.end; ++n) RC_ASSERT(numbers.erase(n) == 1u);
    RC_ASSERT(numbers_of(ranges) == numbers);
  }));
}
