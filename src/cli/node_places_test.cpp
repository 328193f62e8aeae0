#include "axs/cli/node_places.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/core/rng.h"
#include "axs/plan/node_widths.h"

using namespace axs;
using namespace axs::cli;

namespace {

bool fit(const GroupsByWidth& groups, std::uint32_t node, std::uint64_t devices) {
  return !crowded_out(groups, node, devices);
}

bool has_room(const GroupsByWidth& groups, const plan::NodeWidths& widths, std::uint32_t devices) {
  plan::PoolRoom room{widths, devices, 1};
  return std::ranges::all_of(groups, [&](const auto& group) {
    plan::TypeUse use;
    use.add(widths, group.first, group.second);
    return room.take(use, 1);
  });
}

}  // namespace

TEST_CASE("node places: what one width leaves of a node serves a narrower one") {
  CHECK(fit({{5, 1}, {3, 1}}, 8, 8));
  CHECK(fit({{5, 7}, {3, 7}}, 8, 56));
  CHECK_FALSE(fit({{5, 7}, {3, 8}}, 8, 58));
  CHECK(fit({{5, 7}, {3, 8}}, 8, 59));
  CHECK(fit({}, 8, 0));
}

TEST_CASE("node places: who has none is told, and how many there are") {
  const auto two = crowded_out({{5, 2}}, 8, 16 - 4);
  REQUIRE(two);
  CHECK(two->width == 5);
  CHECK(two->groups == 2);
  CHECK(two->places == 1);
  const auto wide = crowded_out({{9, 1}, {1, 1}}, 8, 80);
  REQUIRE(wide);
  CHECK(wide->width == 9);
  CHECK(wide->places == 0);
  const auto narrow = crowded_out({{5, 2}, {2, 4}}, 8, 16);
  REQUIRE(narrow);
  CHECK(narrow->width == 2);
  CHECK(narrow->places == 2);
}

TEST_CASE("node places: as the search counts them, of the widths that it mixes") {
  Rng rng{1};
  for (std::uint32_t node = 1; node <= 24; ++node) {
    const plan::NodeWidths widths = plan::node_widths(node);
    for (std::uint32_t devices = 1; devices <= 3 * node; ++devices)
      for (const auto& ladder : widths.ladders) {
        GroupsByWidth groups;
        for (auto more = 1 + rng.below(1 + devices / 2); more > 0; --more)
          ++groups[ladder[rng.below(ladder.size())]];
        CAPTURE(node);
        CAPTURE(devices);
        CHECK(fit(groups, node, devices) == has_room(groups, widths, devices));
      }
  }
}
