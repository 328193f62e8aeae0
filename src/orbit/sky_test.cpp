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

void check_path(const Sky& sky, const SkyPath& path, catalog::UtcTime at, const GroundPoint& a,
                const GroundPoint& b) {
  const auto where = sky.positions_km(at);
  RC_ASSERT(sky.sees(a, where[path.satellites.front()]));
  RC_ASSERT(sky.sees(b, where[path.satellites.back()]));
  const Duration again = sky.delay_over(path.satellites, a, b, at);
  RC_ASSERT(std::abs(again.ns - path.one_way.ns) <= 1);
}

}  // namespace

TEST_CASE("sky: shortest paths are those of the plain reference") {
  const Sky sky = *Sky::of_shell(shell_550(24, 20));
  CHECK(rc::check([&] {
    const GroundPoint a = ground_point(any_place()), b = ground_point(any_place());
    const catalog::UtcTime at = noon + seconds(*rc::gen::inRange(0, 86400));
    const auto path = SkyGraph{sky, at}.shortest(a, b);
    const double want = reference_km(sky, at, a, b);
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
    const auto path = graph.shortest(ground_point(a), ground_point(b));
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
          2e3 * graph.shortest(ground_point(rows[i].a), ground_point(rows[i].b))->one_way.seconds();
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    CHECK(std::fabs(sum_ms[i] / 40 - rows[i].mean_ms) < 3);
}

TEST_CASE("sky: options and satellites that make no sense") {
  CHECK_FALSE(Sky::of_shell(shell_550(2, 2), {.min_elevation_deg = 90}));
  CHECK_FALSE(Sky::of_shell(shell_550(2, 2), {.reconfiguration = Duration{}}));
  std::vector<MeanElements> elements = *shell_elements(shell_550(2, 2));
  elements[2].mean_motion = 17.5;
  const auto sky = Sky::of_elements(elements, noon);
  REQUIRE_FALSE(sky);
  CHECK(sky.error().what.find("satellite 2: ") == 0);
}

TEST_CASE("sky: without a satellite in sight there is no path") {
  const Sky sky = *Sky::of_shell(shell_550(1, 1));
  CHECK_FALSE(SkyGraph{sky, noon}.shortest(ground_point({-89, 0}), ground_point({89, 0})));
}

TEST_CASE("sky: a satellite that has come down is nowhere") {
  std::vector<MeanElements> elements = *shell_elements(shell_550(1, 1));
  elements[0].bstar = 0.1;
  const Sky sky = *Sky::of_elements(elements, noon);
  CHECK(norm(sky.positions_km(noon)[0]) > 6378);
  CHECK(norm(sky.positions_km(noon + seconds(400 * 86400))[0]) == 0);
}
