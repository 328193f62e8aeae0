#include "axs/orbit/sky.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/orbit/fibre.h"

using namespace axs;
using namespace axs::orbit;
using catalog::GeoPoint;

namespace {

const catalog::UtcTime noon = *catalog::parse_utc("2025-10-08T12:00:00Z");

Shell shell_550(std::uint32_t planes, std::uint32_t slots) {
  return {.epoch = noon,
          .planes = planes,
          .slots = slots,
          .inclination_deg = 53,
          .mean_motion = mean_motion_at(550),
          .walker_f = planes > 1 ? 1u : 0u};
}

GeoPoint any_place(int max_latitude = 90) {
  return {*rc::gen::inRange(-1000 * max_latitude, 1000 * max_latitude + 1) * 1e-3,
          *rc::gen::inRange(-180'000, 180'001) * 1e-3};
}

/// The length of the shortest path by relaxing every link until nothing changes (Bellman and Ford),
/// from the definitions of the links alone.
double reference_km(const Sky& sky, catalog::UtcTime at, const GroundPoint& a,
                    const GroundPoint& b) {
  const std::vector<Vec3> where = sky.positions_km(at);
  std::vector<double> km(where.size(), INFINITY);
  for (std::size_t i = 0; i < where.size(); ++i)
    if (elevation_deg(a, where[i]) >= 25) km[i] = norm(where[i] - a.position_km);
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [i, j] : sky.lasers()) {
      if (!laser_reaches(where[i], where[j], {})) continue;
      const double way = norm(where[i] - where[j]);
      if (km[i] + way < km[j]) km[j] = km[i] + way, changed = true;
      if (km[j] + way < km[i]) km[i] = km[j] + way, changed = true;
    }
  }
  double best = INFINITY;
  for (std::size_t i = 0; i < where.size(); ++i)
    if (elevation_deg(b, where[i]) >= 25)
      best = std::min(best, km[i] + norm(where[i] - b.position_km));
  return best;
}

void check_path(const Sky& sky, const SkyPath& path, catalog::UtcTime at, const GroundStation& a,
                const GroundStation& b) {
  const auto where = sky.positions_km(at);
  RC_ASSERT(Sight{a}.sees(where[path.satellites.front()]));
  RC_ASSERT(Sight{b}.sees(where[path.satellites.back()]));
  const Duration again = sky.delay_over(path.satellites, a.at, b.at, at);
  RC_ASSERT(path.one_way == light_time(path.length_km));
  RC_ASSERT(std::abs(again.ns - path.one_way.ns) <= 1);
}

}  // namespace

TEST_CASE("sky: shortest paths are those of the plain reference") {
  const Sky sky = *Sky::of_shell(shell_550(24, 20));
  CHECK(rc::check([&] {
    const GroundStation a = sky.station(any_place()), b = sky.station(any_place());
    const catalog::UtcTime at = noon + seconds(*rc::gen::inRange(0, 86400));
    const auto path = SkyGraph{sky, at}.shortest(a, b);
    const double want = reference_km(sky, at, a.at, b.at);
    RC_ASSERT(path.has_value() == (want < INFINITY));
    if (!path) return;
    RC_ASSERT(std::abs(path->one_way.ns - light_time(want).ns) <= 1);
    check_path(sky, *path, at, a, b);
  }));
}

TEST_CASE("sky: nothing beats light, in any shell at any time") {
  CHECK(rc::check([] {
    Shell shell = shell_550(*rc::gen::inRange(1u, 20u), *rc::gen::inRange(1u, 20u));
    shell.inclination_deg = *rc::gen::inRange(0, 181);
    shell.mean_motion = mean_motion_at(*rc::gen::inRange(300, 2000));
    shell.walker_f = 0;
    const Sky sky = *Sky::of_shell(shell, {.min_elevation_deg = 5});
    const SkyGraph graph{sky, noon + seconds(*rc::gen::inRange(0, 86400))};
    const GeoPoint a = any_place(), b = any_place();
    const auto path = graph.shortest(sky.station(a), sky.station(b));
    if (!path) return;
    RC_ASSERT(path->one_way >= light_bound(a, b));
    RC_ASSERT(path->one_way >= outside_bound(a, b));
    // Up and down again at least.
    RC_ASSERT(path->one_way >= light_time(2 * 280));
  }));
}

TEST_CASE("sky: the delays of a full shell between cities") {
  // network.md section 7: round trips in milliseconds, mean of 40 times, another author's model.
  struct Row {
    GeoPoint a;
    GeoPoint b;
    double mean_ms;
  };
  constexpr GeoPoint san_francisco{37.77, -122.42}, london{51.51, -0.13}, frankfurt{50.11, 8.68},
      seattle{47.61, -122.33}, new_york{40.71, -74.01}, tokyo{35.68, 139.69},
      singapore{1.35, 103.82};
  const std::array rows{Row{san_francisco, london, 68.9}, Row{san_francisco, frankfurt, 73},
                        Row{seattle, london, 64},         Row{new_york, london, 42.5},
                        Row{london, tokyo, 75},           Row{london, singapore, 81},
                        Row{san_francisco, tokyo, 64.5},  Row{london, frankfurt, 8.6}};
  const Sky sky = *Sky::of_shell(shell_550(72, 22));
  std::array<double, rows.size()> sum_ms{};
  for (int epoch = 0; epoch < 40; ++epoch) {
    const SkyGraph graph{sky, noon + seconds(150 * epoch)};
    for (std::size_t i = 0; i < rows.size(); ++i)
      sum_ms[i] +=
          2e3 * graph.shortest(sky.station(rows[i].a), sky.station(rows[i].b))->one_way.seconds();
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    CHECK(std::fabs(sum_ms[i] / 40 - rows[i].mean_ms) < 3);
}

TEST_CASE("sky: options and satellites that make no sense") {
  CHECK_FALSE(Sky::of_shell(shell_550(2, 2), {.min_elevation_deg = 90}));
  CHECK_FALSE(Sky::of_shell(shell_550(2, 2), {.gateway_min_elevation_deg = -1}));
  CHECK_FALSE(Sky::of_shell(shell_550(2, 2), {.reconfiguration = Duration{}}));
  std::vector<MeanElements> elements = *shell_elements(shell_550(2, 2));
  elements[2].mean_motion = 17.5;
  const auto sky = Sky::of_elements(elements, noon);
  REQUIRE_FALSE(sky);
  CHECK(sky.error().what.find("satellite 2: ") == 0);
}

TEST_CASE("sky: without a satellite in sight there is no path") {
  const Sky sky = *Sky::of_shell(shell_550(1, 1));
  CHECK_FALSE(SkyGraph{sky, noon}.shortest(sky.station({-89, 0}), sky.station({89, 0})));
}

TEST_CASE("sky: a satellite that has come down is nowhere") {
  std::vector<MeanElements> elements = *shell_elements(shell_550(1, 1));
  elements[0].bstar = 0.1;
  const Sky sky = *Sky::of_elements(elements, noon);
  CHECK(norm(sky.positions_km(noon)[0]) > 6378);
  CHECK(norm(sky.positions_km(noon + seconds(400 * 86400))[0]) == 0);
}

TEST_CASE("sky: shells follow each other, and no laser leads from one to the next") {
  Shell high = shell_550(5, 4);
  high.mean_motion = mean_motion_at(1200);
  const std::array shells{shell_550(6, 7), high};
  const Sky both = *Sky::of_shells(shells);
  const Sky low_alone = *Sky::of_shell(shells[0]), high_alone = *Sky::of_shell(shells[1]);
  REQUIRE(both.size() == 42 + 20);
  CHECK(both.lasers().size() == low_alone.lasers().size() + high_alone.lasers().size());
  for (const auto& [a, b] : both.lasers()) CHECK((a < 42) == (b < 42));
  const auto where = both.positions_km(noon), high_where = high_alone.positions_km(noon);
  for (std::size_t i = 0; i < 20; ++i) CHECK(norm(where[42 + i] - high_where[i]) == 0);
}

TEST_CASE("sky: each laser has a terminal at both ends") {
  const Sky sky = *Sky::of_shell(shell_550(6, 7));
  for (std::size_t i = 0; i < sky.lasers().size(); ++i) {
    const std::uint32_t near = sky.terminal_of(i), far = sky.far_terminals()[near];
    CHECK(near / 4 == sky.lasers()[i].a);
    CHECK(far / 4 == sky.lasers()[i].b);
    CHECK(sky.far_terminals()[far] == near);
  }
}

TEST_CASE("sky: the links of an interval at every vector width") {
  const std::array shells{shell_550(17, 13), shell_550(5, 4)};
  const Sky sky = *Sky::of_shells(shells);
  CHECK(rc::check([&] {
    const catalog::UtcTime at = noon + seconds(*rc::gen::inRange(0, 86400));
    const Duration length = seconds(*rc::gen::inRange(0, 600));
    const auto begin = sky.positions_km(at), end = sky.positions_km(at + length);
    GroundStation station = sky.station(any_place(), StationKind::gateway);
    station.min_elevation_deg = *rc::gen::inRange(0, 90);
    if (*rc::gen::arbitrary<bool>()) station.max_range_km = 1200;
    const Sight sight{station};
    for (const SimdLevel level : simd_levels) {
      if (level > simd_level()) continue;
      const SkyGraph graph{sky, {begin, end, {}}, level};
      for (std::size_t i = 0; i < sky.lasers().size(); ++i) {
        const auto& [a, b] = sky.lasers()[i];
        const bool reaches =
            laser_reaches(begin[a], begin[b], {}) && laser_reaches(end[a], end[b], {});
        const double km = reaches ? norm(begin[b] - begin[a]) : INFINITY;
        const std::uint32_t terminal = sky.terminal_of(i);
        RC_ASSERT(graph.terminal_km()[terminal] == km);
        RC_ASSERT(graph.terminal_km()[sky.far_terminals()[terminal]] == km);
      }
      const UpLinks up = graph.up_links({&station, 1});
      std::size_t next = 0;
      for (std::uint32_t i = 0; i < sky.size(); ++i) {
        if (!sight.sees(begin[i]) || !sight.sees(end[i])) continue;
        RC_ASSERT(next < up.satellites.size());
        RC_ASSERT(up.satellites[next] == i);
        RC_ASSERT(up.km[next] == norm(begin[i] - station.at.position_km));
        ++next;
      }
      RC_ASSERT(up.satellites.size() == next);
      RC_ASSERT(up.first == std::vector<std::uint32_t>({0, static_cast<std::uint32_t>(next)}));
    }
  }));
}

TEST_CASE("sky: a gateway looks lower than a terminal") {
  const Sky sky = *Sky::of_shell(shell_550(24, 20), {.max_ground_range_km = 3000});
  const GroundStation user = sky.station({50, 10});
  const GroundStation gateway = sky.station({50, 10}, StationKind::gateway);
  CHECK(user.min_elevation_deg == 25);
  CHECK(gateway.min_elevation_deg == 10);
  CHECK(gateway.max_range_km == 3000);
  const UpLinks up = SkyGraph{sky, noon}.up_links(std::array{user, gateway});
  CHECK(up.first[2] - up.first[1] > up.first[1]);
}

TEST_CASE("sky: a set that is listed twice has no beam to itself") {
  std::vector<MeanElements> elements = *shell_elements(shell_550(1, 30));
  elements.push_back(elements[0]);
  const Sky sky = *Sky::of_elements(elements, noon);
  const GeoPoint below{0, 0};
  const auto path = SkyGraph{sky, noon}.shortest(sky.station(below), sky.station(below));
  CHECK((!path || path->satellites.size() == 1));
  CHECK_FALSE(laser_reaches({7000, 0, 0}, {7000, 0, 0}, {}));
}

TEST_CASE("sky: a beam carries one acquisition after its limits hold again") {
  // Over the poles neighbouring planes cross, so that beams between them come and go with the
  // height.
  SkyOptions options{.lasers = {.max_range_km = 3000}};
  const Shell shell{.epoch = noon,
                    .planes = 6,
                    .slots = 11,
                    .inclination_deg = 86.4,
                    .mean_motion = mean_motion_at(780),
                    .spread = Spread::star};
  const Sky slow = *Sky::of_shell(shell, options);
  options.lasers.acquisition = Duration{};
  const Sky at_once = *Sky::of_shell(shell, options);
  const auto carries = [](const Sky& sky, catalog::UtcTime at, std::uint32_t terminal) {
    return std::isfinite(SkyGraph{sky, at}.terminal_km()[terminal]);
  };
  int returned = 0;
  for (std::uint32_t laser = 0; laser < slow.lasers().size(); ++laser) {
    const std::uint32_t terminal = slow.terminal_of(laser);
    bool before = carries(at_once, noon, terminal);
    for (int second = 1; second < 600; ++second) {
      const catalog::UtcTime at = noon + seconds(second);
      const bool now = carries(at_once, at, terminal);
      if (now && !before) {
        ++returned;
        CHECK_FALSE(carries(slow, at + seconds(10), terminal));
        CHECK(carries(slow, at + seconds(12), terminal));
      }
      before = now;
    }
    if (returned > 3) break;
  }
  CHECK(returned > 0);
}
