#include "axs/orbit/sgp4_batch.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "axs/orbit/tle.h"

using namespace axs;
using namespace axs::orbit;

namespace {

std::vector<Sgp4> shipped_satellites() {
  std::ifstream file{AXS_SOURCE_DIR "/data/leo-53-550.tle"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto sets = parse_tle(text, "leo-53-550.tle");
  std::vector<Sgp4> satellites;
  for (const ElementSet& set : *sets) satellites.push_back(*prepare(set.elements));
  return satellites;
}

/// Any orbit that the theory has a position for at its epoch: round and long, low and deep space.
std::vector<Sgp4> any_satellites(std::size_t count) {
  std::vector<Sgp4> satellites;
  while (satellites.size() < count) {
    const auto number = [](double from, double to) {
      return from + (to - from) * (*rc::gen::inRange(0, 1'000'001)) * 1e-6;
    };
    const bool round = *rc::gen::inRange(0, 4) != 0;
    const MeanElements e{{*rc::gen::inRange<std::int64_t>(0, 1000) * 1'000'000'000},
                         number(0, 180),
                         number(0, 360),
                         round ? number(0, 0.021) : number(0, 0.7),
                         number(0, 360),
                         number(0, 360),
                         *rc::gen::element(1.0027, 2.0, 6.39, 6.41, 11.0, 14.8, 15.5, 16.2),
                         number(-0.001, 0.01)};
    if (const auto satellite = prepare(e)) satellites.push_back(*satellite);
  }
  return satellites;
}

bool same(Vec3 a, Vec3 b) {
  return a.x == b.x && a.y == b.y && a.z == b.z;
}

bool same(const TemeState& a, const TemeState& b) {
  return a.state == b.state && same(a.position_km, b.position_km) &&
         same(a.velocity_km_s, b.velocity_km_s);
}

/// Index of the first satellite whose states differ, or their number.
std::size_t first_difference(const TemeStates& a, const TemeStates& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return i;
  return a.size();
}

/// What this processor can run.
std::vector<SimdLevel> levels() {
  std::vector<SimdLevel> here;
  for (const SimdLevel level : simd_levels)
    if (level <= simd_level()) here.push_back(level);
  return here;
}

}  // namespace

TEST_CASE("sgp4 batch: within 0.1 mm of the plain theory over a week, every satellite") {
  const Sgp4Batch batch{shipped_satellites()};
  TemeStates states;
  double worst_km = 0, worst_km_s = 0;
  for (const int day : {-1, 0, 1, 7}) {
    const catalog::UtcTime at = batch.satellites()[0].epoch + seconds(86400) * day;
    batch.propagate(at, states);
    for (std::size_t i = 0; i < states.size(); ++i) {
      const TemeState plain = propagate(batch.satellites()[i], at), got = states[i];
      REQUIRE(got.state == plain.state);
      worst_km = std::max(worst_km, norm(got.position_km - plain.position_km));
      worst_km_s = std::max(worst_km_s, norm(got.velocity_km_s - plain.velocity_km_s));
    }
  }
  CHECK(worst_km < 1e-7);
  CHECK(worst_km_s < 1e-10);
}

TEST_CASE("sgp4 batch: the same bits at every width") {
  const std::vector<Sgp4> satellites = shipped_satellites();
  const catalog::UtcTime at = satellites[0].epoch + seconds(100'000);
  TemeStates narrow, wide;
  Sgp4Batch{satellites, SimdLevel::scalar}.propagate(at, narrow);
  for (const SimdLevel level : levels()) {
    Sgp4Batch{satellites, level}.propagate(at, wide);
    CHECK(first_difference(narrow, wide) == satellites.size());
  }
}

TEST_CASE("sgp4 batch: any orbits at any time, the same bits and as good as the plain theory") {
  CHECK(rc::check([] {
    const std::vector<Sgp4> satellites = any_satellites(*rc::gen::element(1U, 5U, 16U, 17U));
    const catalog::UtcTime at{*rc::gen::inRange(-20, 20) * 86'400'000'000'000};
    TemeStates narrow, wide;
    Sgp4Batch{satellites, SimdLevel::scalar}.propagate(at, narrow);
    for (const SimdLevel level : levels()) {
      Sgp4Batch{satellites, level}.propagate(at, wide);
      RC_ASSERT(first_difference(narrow, wide) == satellites.size());
    }
    for (std::size_t i = 0; i < satellites.size(); ++i) {
      const TemeState plain = propagate(satellites[i], at), got = narrow[i];
      RC_ASSERT(got.state == plain.state);
      RC_ASSERT(norm(got.position_km - plain.position_km) < 1e-6);
    }
  }));
}

TEST_CASE("sgp4 batch: the bits of a satellite do not depend on who is with it") {
  const std::vector<Sgp4> all = shipped_satellites();
  const catalog::UtcTime at = all[0].epoch + seconds(200'000);
  TemeStates together, alone;
  Sgp4Batch{all}.propagate(at, together);
  for (const std::size_t i : {std::size_t{1}, std::size_t{17}, std::size_t{1000}}) {
    Sgp4Batch{{all[i]}}.propagate(at, alone);
    CHECK(same(together[i], alone[0]));
  }
}

TEST_CASE("sgp4 batch: decades away there is no state") {
  std::vector<Sgp4> satellites = shipped_satellites();
  satellites.resize(3);
  TemeStates states;
  Sgp4Batch{satellites}.propagate(satellites[0].epoch + seconds(60) * 20'000'100, states);
  CHECK(states[0].state == OrbitState::too_far);
}

TEST_CASE("sgp4 batch: none at all") {
  TemeStates states;
  Sgp4Batch{{}}.propagate({}, states);
  CHECK(states.size() == 0);
}
