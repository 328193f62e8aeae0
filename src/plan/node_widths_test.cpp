#include "axs/plan/node_widths.h"

#include <doctest/doctest.h>

#include <functional>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::plan;

namespace {

using Widths = std::vector<std::uint32_t>;

/// The widest first, each into the fullest node that has room.
bool pack(Widths groups, std::uint32_t node, std::uint32_t devices) {
  Widths nodes(devices / node, node);
  nodes.push_back(devices % node);
  std::ranges::sort(groups, std::ranges::greater{});
  for (const std::uint32_t width : groups) {
    std::uint32_t* place = nullptr;
    for (std::uint32_t& left : nodes)
      if (left >= width && (place == nullptr || left < *place)) place = &left;
    if (place == nullptr) return false;
    *place -= width;
  }
  return true;
}

TypeUse use_of(const NodeWidths& widths, std::uint32_t width) {
  TypeUse use;
  use.add(widths, width, 1);
  return use;
}

bool has_room(const NodeWidths& widths, std::uint32_t devices, const Widths& groups) {
  PoolRoom room{widths, devices, 1};
  return std::ranges::all_of(
      groups, [&](std::uint32_t width) { return room.take(use_of(widths, width), 1); });
}

/// Groups of one width that fit.
std::uint32_t groups(std::uint32_t node, std::uint32_t devices, std::uint32_t width) {
  const NodeWidths widths = node_widths(node);
  PoolRoom room{widths, devices, 1};
  std::uint32_t count = 0;
  for (PoolRoom more = room; more.take(use_of(widths, width), 1);) ++count;
  CHECK(room.devices_for(widths, width) / width == count);
  return count;
}

}  // namespace

TEST_CASE("widths: all divisors of a node, and powers of two") {
  CHECK(node_widths(1).all() == Widths{1});
  CHECK(node_widths(3).all() == Widths{1, 2, 3});
  CHECK(node_widths(5).all() == Widths{1, 2, 4, 5});
  CHECK(node_widths(6).all() == Widths{1, 2, 3, 4, 6});
  CHECK(node_widths(7).all() == Widths{1, 2, 4, 7});
  CHECK(node_widths(8).all() == Widths{1, 2, 4, 8});
  CHECK(node_widths(12).all() == Widths{1, 2, 3, 4, 6, 8, 12});
  CHECK(node_widths(16).all() == Widths{1, 2, 4, 8, 16});
  CHECK(node_widths(72).all() == Widths{1, 2, 4, 8});
  for (std::uint32_t twos = 1; twos <= 1u << 16; twos *= 2) CHECK(node_widths(twos).are_plain());
}

TEST_CASE("widths: groups lie within nodes, the last of which may not be full") {
  CHECK(groups(8, 7, 4) == 1);
  CHECK(groups(8, 12, 8) == 1);
  CHECK(groups(8, 12, 4) == 3);
  CHECK(groups(6, 12, 4) == 2);
  CHECK(groups(6, 12, 3) == 4);
  CHECK(groups(6, 11, 3) == 3);
  CHECK(groups(6, 12, 2) == 6);
  CHECK(groups(7, 14, 4) == 2);
  CHECK(groups(7, 14, 2) == 6);
  CHECK(groups(7, 14, 7) == 2);
  CHECK(groups(7, 13, 7) == 1);
  CHECK(groups(5, 14, 4) == 3);
  CHECK(groups(12, 31, 8) == 2);
}

TEST_CASE("widths: what wide groups leave of a node serves narrower ones, of the same ladder") {
  CHECK(has_room(node_widths(7), 7, {4, 2, 1}));
  CHECK(has_room(node_widths(7), 14, {7, 4, 2, 1}));
  CHECK(!has_room(node_widths(7), 14, {4, 4, 4}));
  CHECK(!has_room(node_widths(7), 14, {4, 4, 2, 2, 2}));
  CHECK(has_room(node_widths(6), 12, {3, 1, 1, 1, 6}));
  CHECK(has_room(node_widths(6), 12, {4, 2, 6}));
  CHECK(!has_room(node_widths(6), 12, {3, 2}));
}

TEST_CASE(
    "widths: there is room for what can be packed, and for more where there are more devices") {
  Rng rng{1};
  for (std::uint32_t node = 1; node <= 24; ++node) {
    const NodeWidths widths = node_widths(node);
    for (std::uint32_t devices = 1; devices <= 3 * node; ++devices)
      for (const Widths& ladder : widths.ladders) {
        Widths groups;
        const auto count = 1 + rng.below(1 + devices / 2);
        while (groups.size() < count) groups.push_back(ladder[rng.below(ladder.size())]);
        CAPTURE(node);
        CAPTURE(devices);
        const bool room = has_room(widths, devices, groups);
        CHECK(room == pack(groups, node, devices));
        if (room) CHECK(has_room(widths, devices + 1, groups));
        if (room) CHECK(PoolRoom{widths, devices + 1, 1}.has_all_of({widths, devices, 1}, devices));
      }
  }
}
