#include "axs/train/recent_durations.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::train;

TEST_CASE("recent durations: median and deviation, which an outlier does not move") {
  RecentDurations recent;
  recent.add(seconds(3));
  CHECK(recent.median() == seconds(3));
  CHECK(recent.deviation() == Duration{});
  for (const int s : {1, 2, 900, 4}) recent.add(seconds(s));
  CHECK(recent.count() == 5);
  CHECK(recent.median() == seconds(3));
  CHECK(recent.deviation() == seconds(1));  // Of 0, 1, 1, 2 and 897.
}

TEST_CASE("recent durations: the old ones are forgotten") {
  RecentDurations recent;
  for (std::size_t i = 0; i < RecentDurations::kept; ++i) recent.add(seconds(1));
  for (std::size_t i = 0; i <= RecentDurations::kept / 2; ++i) recent.add(seconds(9));
  CHECK(recent.count() == RecentDurations::kept);
  CHECK(recent.median() == seconds(9));
}
