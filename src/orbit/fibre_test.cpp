#include "axs/orbit/fibre.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace axs;
using namespace axs::orbit;
using catalog::GeoPoint;

namespace {

constexpr GeoPoint san_francisco{37.77, -122.42}, london{51.51, -0.13}, frankfurt{50.11, 8.68},
    seattle{47.61, -122.33}, new_york{40.71, -74.01}, tokyo{35.68, 139.69}, singapore{1.35, 103.82};

struct Pair {
  GeoPoint a;
  GeoPoint b;
  double km;
};

}  // namespace

TEST_CASE("fibre: distances between cities") {
  // network.md section 7, computed there with coordinates that were rounded elsewhere.
  for (const auto& [a, b, km] : {Pair{san_francisco, london, 8617},
                                 {san_francisco, frankfurt, 9134},
                                 {seattle, london, 7699},
                                 {new_york, london, 5570},
                                 {london, tokyo, 9559},
                                 {london, singapore, 10848},
                                 {san_francisco, tokyo, 8272},
                                 {london, frankfurt, 638}})
    CHECK(great_circle(a, b).value() / 1000 == doctest::Approx(km).epsilon(0.001));
}

TEST_CASE("fibre: delays between San Francisco and London") {
  const auto round_trip_ms = [](Duration one_way) { return 2e3 * one_way.seconds(); };
  CHECK(round_trip_ms(surface_light_delay(san_francisco, london)) ==
        doctest::Approx(57.5).epsilon(0.001));
  CHECK(round_trip_ms(fibre_delay(san_francisco, london, 1)) ==
        doctest::Approx(86.2).epsilon(0.001));
  CHECK(fibre_delay(san_francisco, london, 1.4) > fibre_delay(san_francisco, london, 1.3));
}

TEST_CASE("fibre: a place and its antipode") {
  CHECK(great_circle(tokyo, tokyo).value() == 0);
  CHECK(great_circle({0, 0}, {0, 180}).value() == doctest::Approx(20'015'114.4).epsilon(1e-8));
  CHECK(great_circle({90, 0}, {-90, 0}).value() == doctest::Approx(20'015'114.4).epsilon(1e-8));
}

TEST_CASE("fibre: nothing beats light, whatever the places") {
  CHECK(rc::check([] {
    const auto place = [] {
      return GeoPoint{*rc::gen::inRange(-90'000, 90'001) * 1e-3,
                      *rc::gen::inRange(-180'000, 180'001) * 1e-3};
    };
    const GeoPoint a = place(), b = place();
    RC_ASSERT(light_bound(a, b) == light_bound(b, a));
    // A chord is never longer than the arc over it, but the mean sphere is up to 0.56 % small.
    RC_ASSERT(light_bound(a, b) <= scaled(surface_light_delay(a, b), 1.0057) + nanoseconds(1));
    RC_ASSERT(light_bound(a, b) <= fibre_delay(a, b, 1) + nanoseconds(1));
    RC_ASSERT(outside_bound(a, b) <= scaled(surface_light_delay(a, b), 1.0057) + nanoseconds(1));
    RC_ASSERT(fibre_delay(a, b, 1) >= scaled(surface_light_delay(a, b), 1.5) - nanoseconds(1));
  }));
}
