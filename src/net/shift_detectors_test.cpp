#include <doctest/doctest.h>

#include <cmath>

#include "axs/core/rng.h"
#include "axs/net/availability.h"
#include "axs/net/capacity_estimator.h"
#include "axs/net/frequency_shift.h"

namespace axs::net {
namespace {

/// Gilbert's chain: events begin with one probability and go on with another.
struct Chain {
  double begins;
  double goes_on = 0;
  bool on = false;
  bool next(Rng& rng) { return on = rng.chance(on ? goes_on : begins); }
};

int alarms(FrequencyShift& shift, Chain chain, Rng& rng, int trials) {
  int count = 0;
  for (int i = 0; i < trials; ++i) count += shift.add(chain.next(rng)) ? 1 : 0;
  return count;
}

/// Trials until the alarm after a shift, `limit` if there is none.
int delay(Chain before, Chain after, std::uint64_t seed, int limit) {
  Rng rng{seed};
  FrequencyShift shift;
  REQUIRE(alarms(shift, before, rng, 30'000) == 0);
  for (int i = 0; i < limit; ++i)
    if (shift.add(after.next(rng))) return i;
  return limit;
}

TEST_CASE("chance is no shift of a frequency, alone or in bursts") {
  int count = 0;
  for (const Chain chain : {Chain{0}, Chain{1e-4}, Chain{1e-3}, Chain{0.01}, Chain{0.05},
                            Chain{0.3}, Chain{0.002, 0.8}, Chain{0.02, 0.5}})
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      CAPTURE(chain.begins);
      Rng rng{seed};
      FrequencyShift shift;
      count += alarms(shift, chain, rng, 100'000);
    }
  CHECK(count == 0);  // 2.4 million trials; the promise is one false alarm in 8.6 million.
}

TEST_CASE("a shift of a frequency is seen within a bounded number of trials") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    CHECK(delay({0}, {0.05}, seed, 1'000) < 1'000);
    CHECK(delay({0.01}, {0.06}, seed, 2'000) < 2'000);
    CHECK(delay({0.05}, {0.01}, seed, 4'000) < 4'000);
    CHECK(delay({0.005}, {0.5, 0.5}, seed, 100) < 100);
  }
}

TEST_CASE("availability: the share of the time, and flapping") {
  Availability path;
  Instant now{-seconds(50).ns};
  const auto pass = [&](Duration span, bool up) { path.advance(now = now + span, up); };
  pass({}, false);
  CHECK(path.share() == 0);
  pass(seconds(30), true);
  pass(seconds(10), false);
  CHECK(path.share() == doctest::Approx(0.75));
  for (int i = 0; i < 3'000; ++i) pass(seconds(1), true);
  CHECK(path.steps() == 0);
  int flaps = 0;
  for (; path.steps() == 0 && flaps < 60; ++flaps) {
    pass(milliseconds(9'500), true);
    pass(milliseconds(500), false);
  }
  CHECK(flaps < 60);
  CHECK(path.share() > 0.9);
}

TEST_CASE("capacity: known once the path has set the pace; a lasting shift is seen in seconds") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    CapacityEstimator path;
    Instant now{-seconds(3).ns};
    const auto sample = [&](double rate, bool limiting) {
      now = now + milliseconds(10);
      path.add(now, BytesPerSecond{rate * (0.9 + 0.2 * rng.uniform())}, limiting);
    };
    for (int i = 0; i < 100; ++i) sample(3e6, false);
    CHECK(path.capacity(now) == BytesPerSecond{});
    CHECK(path.proven().value() == doctest::Approx(3e6).epsilon(0.05));
    for (int i = 0; i < 60'000; ++i) sample(10e6, true);
    CHECK(path.steps() == 0);  // 6,000 tenths of a second.
    CHECK(path.capacity(now).value() == doctest::Approx(10e6).epsilon(0.03));
    int later = 0;
    for (; path.steps() == 0 && later < 300; ++later) sample(6e6, true);
    CHECK(later <= 200);
    for (int i = 0; i < 100; ++i) sample(6e6, true);
    CHECK(path.capacity(now).value() == doctest::Approx(6e6).epsilon(0.03));
    for (int i = 0; i < 100; ++i) sample(8e6, false);  // It carries more than we thought.
    CHECK(path.capacity(now).value() >= 7.8e6);
    CHECK(path.capacity(now + seconds(10)).value() >= 1.09 * path.capacity(now).value());
    CHECK(path.capacity(now + seconds(1'000)).value() <= 2.1 * 8e6);
  }
}

}  // namespace
}  // namespace axs::net
