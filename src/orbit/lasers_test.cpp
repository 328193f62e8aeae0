#include "axs/orbit/lasers.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>

using namespace axs;
using namespace axs::orbit;

namespace {

using Pairs = std::set<std::pair<std::uint32_t, std::uint32_t>>;

Pairs pairs_of(const std::vector<Laser>& lasers) {
  Pairs pairs;
  for (const auto& [a, b] : lasers) {
    CHECK(a < b);
    CHECK(pairs.emplace(a, b).second);
  }
  return pairs;
}

std::map<std::uint32_t, int> degrees(const std::vector<Laser>& lasers) {
  std::map<std::uint32_t, int> count;
  for (const auto& [a, b] : lasers) ++count[a], ++count[b];
  return count;
}

std::vector<Sgp4> satellites_of(const Shell& shell) {
  std::vector<Sgp4> satellites;
  const auto elements = *shell_elements(shell);
  for (const MeanElements& e : elements) satellites.push_back(*prepare(e));
  return satellites;
}

const Shell shell{.planes = 24, .slots = 20, .inclination_deg = 53, .mean_motion = 15.05};

}  // namespace

TEST_CASE("lasers: +Grid of a small shell") {
  Shell small{.planes = 3, .slots = 3, .inclination_deg = 53, .mean_motion = 15, .walker_f = 1};
  const Pairs rings{{0, 1}, {1, 2}, {0, 2}, {3, 4}, {4, 5}, {3, 5}, {6, 7}, {7, 8}, {6, 8}};
  Pairs want = rings;
  for (std::uint32_t i = 0; i < 6; ++i) want.emplace(i, i + 3);
  Pairs star = want;
  // Three planes with F = 1 are one slot ahead in all, so slot 0 of the last meets slot 1.
  want.insert({{1, 6}, {2, 7}, {0, 8}});
  CHECK(pairs_of(grid_lasers(small)) == want);
  small.spread = Spread::star;
  CHECK(pairs_of(grid_lasers(small)) == star);
}

TEST_CASE("lasers: shells too small for a ring have no link twice and none to itself") {
  for (const std::uint32_t planes : {1u, 2u, 3u})
    for (const std::uint32_t slots : {1u, 2u, 3u})
      pairs_of(grid_lasers({.planes = planes, .slots = slots}));
}

TEST_CASE("lasers: line of sight over the air, and range") {
  const LaserLimits limits{.max_range_km = 6000, .min_altitude_km = 80};
  const double r = 6378.137 + 550, low = 6378.137 + 80;
  const double farthest = 2 * std::sqrt(r * r - low * low);
  const auto apart = [r](double km) {
    const double x = km / 2;
    return std::pair{Vec3{-x, std::sqrt(r * r - x * x), 0}, Vec3{x, std::sqrt(r * r - x * x), 0}};
  };
  const auto [a, b] = apart(farthest - 1);
  CHECK(laser_reaches(a, b, limits));
  CHECK_FALSE(laser_reaches(a, b, {.max_range_km = farthest - 2}));
  const auto [c, d] = apart(farthest + 1);
  CHECK_FALSE(laser_reaches(c, d, limits));
  CHECK_FALSE(laser_reaches(a, {0, 0, 0}, {.max_range_km = 1e9}));
}

TEST_CASE("lasers: matched in a full shell they are its +Grid") {
  CHECK(pairs_of(matched_lasers(satellites_of(shell), shell.epoch, {})) ==
        pairs_of(grid_lasers(shell)));
}

TEST_CASE("lasers: matched in any shell with gaps, at most four each, and they last") {
  CHECK(rc::check([] {
    std::vector<Sgp4> satellites = satellites_of(shell);
    std::erase_if(satellites, [](const Sgp4&) { return *rc::gen::inRange(0, 4) == 0; });
    const catalog::UtcTime at{*rc::gen::inRange<std::int64_t>(0, 86400) * 1'000'000'000};
    const auto lasers = matched_lasers(satellites, at, {});
    for (const auto& [satellite, count] : degrees(lasers)) RC_ASSERT(count <= 4);
    const catalog::UtcTime later = at + seconds(*rc::gen::inRange(0, 2 * 3600));
    for (const auto& [a, b] : lasers)
      RC_ASSERT(laser_reaches(propagate(satellites[a], later).position_km,
                              propagate(satellites[b], later).position_km,
                              {.max_range_km = 5450, .min_altitude_km = 60}));
  }));
}

TEST_CASE("lasers: no link between satellites that part") {
  Shell other = shell;
  other.mean_motion = 15.2;
  std::vector<Sgp4> satellites = satellites_of(shell);
  const auto first = static_cast<std::uint32_t>(satellites.size());
  for (const Sgp4& s : satellites_of(other)) satellites.push_back(s);
  for (const auto& [a, b] : matched_lasers(satellites, shell.epoch, {}))
    CHECK((a < first) == (b < first));
}
