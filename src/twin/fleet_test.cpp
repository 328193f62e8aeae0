#include "axs/twin/fleet.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::twin;

TEST_CASE("a step of n accelerators is on average the n-th harmonic number of stragglings longer") {
  Rng rng{1};
  for (const std::uint32_t accelerators : {1u, 4u, 341u}) {
    const Fleet fleet{.accelerators = accelerators, .straggling = 0.01};
    double harmonic = 0;
    for (std::uint32_t i = 1; i <= accelerators; ++i) harmonic += 1.0 / i;
    constexpr int steps = 20'000;
    double sum = 0;
    for (int i = 0; i < steps; ++i) {
      const double factor = slowness(fleet, rng);
      REQUIRE(factor >= 1);
      sum += factor;
    }
    CHECK(sum / steps == doctest::Approx(1 + 0.01 * harmonic).epsilon(0.0005));
    CHECK(mean_slowness(fleet) == doctest::Approx(1 + 0.01 * harmonic));
  }
}

TEST_CASE("a fleet without noise is never slow, and a larger one fails more often") {
  Rng rng{2};
  CHECK(slowness({.accelerators = 1'000}, rng) == 1);
  const Fleet fleet{.accelerators = 100, .between_failures = seconds(3600)};
  constexpr int failures = 20'000;
  double sum = 0;
  for (int i = 0; i < failures; ++i) sum += until_failure(fleet, rng).seconds();
  CHECK(sum / failures == doctest::Approx(36).epsilon(0.03));
}
