#include "axs/orbit/route.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>
#include <fstream>
#include <iterator>

#include "axs/orbit/fibre.h"
#include "axs/orbit/tle.h"

using namespace axs;
using namespace axs::orbit;
using catalog::GeoPoint;
using catalog::UtcTime;

namespace {

const UtcTime noon = *catalog::parse_utc("2025-10-08T12:00:00Z");
constexpr GeoPoint san_francisco{37.77, -122.42}, frankfurt{50.11, 8.68}, tokyo{35.68, 139.69};
constexpr std::array<GroundPair, 3> pairs{
    {{{san_francisco}, {frankfurt}}, {{frankfurt}, {tokyo}}, {{tokyo}, {san_francisco}}}};

/// The elements shipped with the project.
std::vector<MeanElements> shipped() {
  std::ifstream file{AXS_SOURCE_DIR "/data/leo-53-550.tle"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto sets = parse_tle(text, "leo-53-550.tle");
  std::vector<MeanElements> elements;
  for (const ElementSet& set : *sets) elements.push_back(set.elements);
  return elements;
}

Sky small_sky() {
  return *Sky::of_shell({.epoch = noon,
                         .planes = 24,
                         .slots = 20,
                         .inclination_deg = 53,
                         .mean_motion = 15.05,
                         .walker_f = 1});
}

}  // namespace

TEST_CASE("route: three hours over the shipped elements") {
  const Sky sky = *Sky::of_elements(shipped(), noon);
  const auto histories = *routes_over_time(
      sky, pairs, {.start = noon, .length = seconds(3 * 3600), .step = seconds(5)});
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& [from, to] = pairs[i];
    const Duration bound = surface_light_delay(from.at, to.at);
    std::size_t up = 0;
    for (const auto& sample : histories[i].samples) {
      if (!sample.up) continue;
      ++up;
      CHECK(sample.one_way >= light_bound(from.at, to.at));
      CHECK(sample.one_way >= outside_bound(from.at, to.at));
      CHECK(sample.one_way <= scaled(bound, 1.6));
    }
    CHECK(histories[i].samples.size() == 2160);
    CHECK(static_cast<double>(up) >= 0.999 * 2160);
    CHECK(histories[i].paths.size() > 100);
  }
}

TEST_CASE("route: paths change at the marks only, and in between delay moves smoothly") {
  const Sky sky = small_sky();
  CHECK(rc::check([&] {
    const UtcTime start = noon + milliseconds(*rc::gen::inRange(0, 86'400'000));
    const double speed = *rc::gen::element(1.0, 10.0, 2.5);
    const RouteClock clock{start, speed, seconds(12), milliseconds(200)};
    const RouteHistory history = (*routes_over_time(sky, pairs, clock))[0];
    for (std::size_t i = 1; i < history.samples.size(); ++i) {
      const auto &before = history.samples[i - 1], &now = history.samples[i];
      const auto mark = [&](const auto& s) {
        return (start + scaled(s.at, speed) - UtcTime{12'000'000'000}).ns / 15'000'000'000;
      };
      RC_ASSERT(now.at - before.at == clock.step);
      RC_ASSERT(now.up == !history.paths[now.path].empty());
      if (now.path != before.path) RC_ASSERT(mark(now) != mark(before));
      if (now.path != before.path || !now.up) continue;
      // No length of a path grows faster than 2 x 8 km/s at each of its links.
      const double links = static_cast<double>(history.paths[now.path].size() + 1);
      const double km = 16 * links * speed * clock.step.seconds();
      RC_ASSERT(std::abs((now.one_way - before.one_way).ns) <= light_time(km).ns);
    }
  }));
}

TEST_CASE("route: every link of a path holds from its mark to the next") {
  const Sky sky = small_sky();
  const auto history = (*routes_over_time(
      sky, pairs, {.start = noon, .length = seconds(3600), .step = seconds(3)}))[0];
  const Sight a{sky.station(san_francisco)}, b{sky.station(frankfurt)};
  for (const auto& sample : history.samples) {
    if (!sample.up) continue;
    const auto where = sky.positions_km(noon + sample.at);
    const auto& path = history.paths[sample.path];
    CHECK(a.sees(where[path.front()]));
    CHECK(b.sees(where[path.back()]));
    for (std::size_t i = 1; i < path.size(); ++i)
      CHECK(laser_reaches(where[path[i - 1]], where[path[i]], sky.options().lasers));
  }
}

TEST_CASE("route: at a mark it is the shortest path whose links hold to the next") {
  const Sky sky = small_sky();
  const GroundStation a = sky.station(san_francisco), b = sky.station(frankfurt);
  const UtcTime first = noon + seconds(12);
  const auto history = (*routes_over_time(
      sky, pairs, {.start = first, .length = seconds(900), .step = seconds(15)}))[0];
  for (const auto& sample : history.samples) {
    const UtcTime mark = first + sample.at;
    const SkyGraph graph{
        sky, {sky.positions_km(mark), sky.positions_km(mark + seconds(15)), sky.aimed_km(mark)}};
    const auto path = graph.shortest(a, b);
    CHECK(sample.up == path.has_value());
    if (path) CHECK(sample.one_way == path->one_way);
  }
}

TEST_CASE("route: speed turns the sky, not the delay") {
  const Sky sky = small_sky();
  const auto slow = (*routes_over_time(
      sky, pairs, {.start = noon, .speed = 1, .length = seconds(60), .step = seconds(10)}))[1];
  const auto fast = (*routes_over_time(
      sky, pairs, {.start = noon, .speed = 10, .length = seconds(6), .step = seconds(1)}))[1];
  REQUIRE(slow.samples.size() == fast.samples.size());
  CHECK(slow.paths == fast.paths);
  for (std::size_t i = 0; i < slow.samples.size(); ++i) {
    CHECK(slow.samples[i].one_way == fast.samples[i].one_way);
    CHECK(slow.samples[i].at == 10 * fast.samples[i].at);
  }
}

TEST_CASE("route: where nothing flies the link is down") {
  const Sky sky = small_sky();
  const std::array<GroundPair, 1> poles{{{{{-89, 0}}, {{89, 0}}}}};
  const auto history = (*routes_over_time(sky, poles, {.start = noon, .length = seconds(40)}))[0];
  CHECK(history.samples.size() == 400);
  for (const auto& sample : history.samples) {
    CHECK_FALSE(sample.up);
    CHECK(sample.one_way == Duration{});
  }
  CHECK(history.paths.size() == 1);
}

TEST_CASE("route: a clock that makes no sense is refused") {
  const Sky sky = small_sky();
  CHECK_FALSE(routes_over_time(sky, pairs, {.start = noon, .speed = 0, .length = seconds(1)}));
  CHECK_FALSE(routes_over_time(sky, pairs, {.start = noon, .speed = NAN, .length = seconds(1)}));
  CHECK_FALSE(routes_over_time(sky, pairs, {.start = noon, .length = seconds(1), .step = {}}));
  CHECK_FALSE(routes_over_time(sky, pairs, {.start = noon, .length = seconds(-1)}));
}
