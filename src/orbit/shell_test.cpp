#include "axs/orbit/shell.h"

#include <doctest/doctest.h>

#include "axs/orbit/sgp4.h"

using namespace axs;
using namespace axs::orbit;

namespace {

const Shell small{.planes = 4, .slots = 3, .inclination_deg = 53, .mean_motion = 15, .walker_f = 2};

}  // namespace

TEST_CASE("shell: Kepler's third law") {
  // The first Starlink shell: 550 km, 15.06 revolutions per day by the published elements; Kozai's
  // convention moves it by 0.02.
  CHECK(mean_motion_at(550) == doctest::Approx(15.05).epsilon(0.001));
  CHECK(mean_motion_at(35786) == doctest::Approx(1.0027).epsilon(0.0001));
}

TEST_CASE("shell: planes, slots and Walker's phase") {
  const auto elements = *shell_elements(small);
  REQUIRE(elements.size() == 12);
  CHECK(elements[0].raan_deg == 0);
  CHECK(elements[3].raan_deg == 90);
  CHECK(elements[1].mean_anomaly_deg == 120);
  // F = 2 of 4 planes: half a slot from plane to plane.
  CHECK(elements[3].mean_anomaly_deg == 60);
  CHECK(elements[11].mean_anomaly_deg == 60);  // Slot 2 of plane 3 is a turn and 60 degrees ahead.
}

TEST_CASE("shell: a star spreads its nodes over half the equator") {
  Shell star = small;
  star.spread = Spread::star;
  CHECK((*shell_elements(star))[3].raan_deg == 45);
}

TEST_CASE("shell: alternate planes are half a slot ahead") {
  Shell shell = small;
  shell.phasing = Phasing::alternate;
  const auto elements = *shell_elements(shell);
  CHECK(elements[3].mean_anomaly_deg == 60);
  CHECK(elements[6].mean_anomaly_deg == 0);
}

TEST_CASE("shell: what cannot be is refused") {
  Shell shell = small;
  shell.planes = 0;
  CHECK_FALSE(shell_elements(shell));
  shell = small;
  shell.slots = 50'000;
  CHECK(shell_elements(shell).error().what ==
        "shell of 4 planes with 50000 slots, want at least 1 and at most 100000 satellites");
  shell = small;
  shell.inclination_deg = 181;
  CHECK_FALSE(shell_elements(shell));
  shell = small;
  shell.walker_f = 4;
  CHECK_FALSE(shell_elements(shell));
}

TEST_CASE("shell: every satellite flies at the shell's height") {
  const auto all = *shell_elements(small);
  for (const MeanElements& elements : all) {
    const Sgp4 satellite = *prepare(elements);
    for (const double minute : {0.0, 50.0, 100.0})
      CHECK(norm(propagate(satellite, minute).position_km) == doctest::Approx(6945).epsilon(0.003));
  }
}
