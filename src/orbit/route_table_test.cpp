#include "axs/orbit/route_table.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>

using namespace axs;
using namespace axs::orbit;
using catalog::UtcTime;

namespace {

const UtcTime noon = *catalog::parse_utc("2025-10-08T12:00:00Z");

Shell shell(std::uint32_t planes, std::uint32_t slots, double inclination_deg, double height_km) {
  return {.epoch = noon,
          .planes = planes,
          .slots = slots,
          .inclination_deg = inclination_deg,
          .mean_motion = mean_motion_at(height_km),
          .walker_f = planes > 1 ? 1u : 0u};
}

Shell any_shell() {
  Shell any = shell(*rc::gen::inRange(1u, 14u), *rc::gen::inRange(1u, 14u),
                    *rc::gen::inRange(0, 181), *rc::gen::inRange(300, 2000));
  any.spread = *rc::gen::element(Spread::delta, Spread::star);
  any.phasing = *rc::gen::element(Phasing::walker, Phasing::alternate);
  return any;
}

Sky any_sky() {
  SkyOptions options{.min_elevation_deg = static_cast<double>(*rc::gen::inRange(0, 40))};
  // Some lasers are cut.
  options.lasers.max_range_km = *rc::gen::inRange(500, 8000);
  std::vector<Shell> shells(*rc::gen::inRange(1u, 4u));
  for (Shell& one : shells) one = any_shell();
  return *Sky::of_shells(shells, options);
}

catalog::GeoPoint any_place() {
  return {1.0 * *rc::gen::inRange(-90, 91), 1.0 * *rc::gen::inRange(-180, 181)};
}

std::vector<GroundStation> any_stations(const Sky& sky, std::size_t count) {
  std::vector<GroundStation> stations;
  for (std::size_t i = 0; i < count; ++i)
    stations.push_back(
        sky.station(any_place(), *rc::gen::element(StationKind::user, StationKind::gateway)));
  return stations;
}

std::vector<SimdLevel> levels() {
  std::vector<SimdLevel> here;
  for (const SimdLevel level : simd_levels)
    if (level <= simd_level()) here.push_back(level);
  return here;
}

/// The table against Dijkstra's algorithm, pair by pair: the same bits and the same satellites.
void check_table(RouteTable& table, const SkyGraph& graph) {
  for (std::size_t from = 0; from < table.size(); ++from) {
    for (std::size_t to = 0; to < table.size(); ++to) {
      const auto want = graph.shortest(table.station(from), table.station(to));
      const auto got = table.path(from, to);
      RC_ASSERT(got.has_value() == want.has_value());
      RC_ASSERT(table.length_km(from, to) == (want ? want->length_km : INFINITY));
      if (!want) continue;
      RC_ASSERT(got->length_km == want->length_km);
      RC_ASSERT(got->one_way == want->one_way);
      RC_ASSERT(got->satellites == want->satellites);
    }
  }
}

}  // namespace

TEST_CASE("route table: Dijkstra's distances and paths over any sky, instant after instant") {
  CHECK(rc::check([] {
    const Sky sky = any_sky();
    RouteTable table{any_stations(sky, *rc::gen::inRange(0u, 12u)), *rc::gen::elementOf(levels())};
    UtcTime at = noon + seconds(*rc::gen::inRange(0, 86400));
    for (int instant = 0; instant < 3; ++instant) {
      const SkyGraph graph{sky, at};
      table.update(graph);
      check_table(table, graph);
      at = at + milliseconds(*rc::gen::element(100, 1000, 15'000, 3'600'000));
    }
  }));
}

TEST_CASE("route table: every vector width gives the same bits") {
  const std::array shells{shell(24, 20, 53, 550), shell(4, 12, 97.6, 560)};
  const Sky sky = *Sky::of_shells(shells);
  std::vector<GroundStation> stations;
  for (int i = 0; i < 20; ++i) stations.push_back(sky.station({-57.0 + 6 * i, 18.0 * i - 170}));
  std::vector<RouteTable> tables;
  for (const SimdLevel level : levels()) tables.emplace_back(stations, level);
  for (int instant = 0; instant < 5; ++instant) {
    for (RouteTable& table : tables) {
      table.update(SkyGraph{sky, noon + seconds(15 * instant)});
      for (std::size_t from = 0; from < stations.size(); ++from)
        for (std::size_t to = 0; to < stations.size(); ++to)
          CHECK(table.length_km(from, to) == tables[0].length_km(from, to));
    }
  }
}

TEST_CASE("route table: of equal paths the one that Dijkstra's algorithm takes") {
  // A ring of five planes around the equator: what is in front is as far as what is behind.
  const Sky sky = *Sky::of_shell(shell(1, 40, 0, 550), {.min_elevation_deg = 10});
  const SkyGraph graph{sky, noon};
  RouteTable table{{sky.station({0, 0}), sky.station({0, 180}), sky.station({0, 90})}};
  table.update(graph);
  check_table(table, graph);
}

TEST_CASE("route table: over the links that last through an interval") {
  const Sky sky = *Sky::of_shell(shell(24, 20, 53, 550));
  const SkyGraph graph{sky, {sky.positions_km(noon), sky.positions_km(noon + seconds(15)), {}}};
  RouteTable table{{sky.station({37.77, -122.42}), sky.station({50.11, 8.68})}};
  table.update(graph);
  check_table(table, graph);
}

TEST_CASE("route table: a station that is not in use is reached by none, and back in use by all") {
  const Sky sky = *Sky::of_shell(shell(24, 20, 53, 550));
  RouteTable table{{sky.station({37.77, -122.42}), sky.station({50.11, 8.68})}};
  table.set_in_use(1, false);
  table.update(SkyGraph{sky, noon});
  CHECK(table.length_km(0, 1) == INFINITY);
  CHECK_FALSE(table.path(1, 0));
  CHECK(table.path(0, 0)->satellites.size() == 1);
  table.set_in_use(1, true);
  table.update(SkyGraph{sky, noon});
  check_table(table, SkyGraph{sky, noon});
  CHECK(table.length_km(0, 1) < INFINITY);
}
