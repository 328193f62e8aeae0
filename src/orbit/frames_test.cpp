#include "axs/orbit/frames.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/core/dmath.h"

using namespace axs;
using namespace axs::orbit;
using catalog::parse_utc;

TEST_CASE("frames: sidereal time") {
  // The polynomial of 1982 in exact rational arithmetic.
  const double degrees = sidereal_time(*parse_utc("1992-08-20T12:14:00Z")) * 180 / dmath::pi;
  CHECK(degrees == doctest::Approx(152.57878785165747).epsilon(1e-13));
}

TEST_CASE("frames: TEME to ECEF, the example of Vallado et al. 2006") {
  // UT1 of 2004-04-06T07:51:28.386009 UTC; the paper's PEF is our ECEF without polar motion.
  const EarthRotation rotation{*parse_utc("2004-04-06T07:51:27.946047Z")};
  const Vec3 ecef = rotation.to_ecef({5094.18016210, 6127.64465950, 6380.34453270});
  CHECK(norm(ecef - Vec3{-1033.47503120, 7901.30558560, 6380.34453270}) < 1e-4);
}

TEST_CASE("frames: sidereal time goes on evenly over days and before 2000") {
  CHECK(rc::check([] {
    const catalog::UtcTime at{*rc::gen::inRange<std::int64_t>(-300'000'000, 4'000'000'000) *
                              1'000'000'000};
    const double now = sidereal_time(at), later = sidereal_time(at + seconds(60));
    RC_ASSERT(now >= 0 && now < 2 * dmath::pi);
    const double turned = later - now + (later < now ? 2 * dmath::pi : 0);
    // 7.292115e-5 rad/s, the earth's rate.
    RC_ASSERT(std::fabs(turned / 60 - 7.292115e-5) < 1e-10);
  }));
}

TEST_CASE("frames: places on the ellipsoid") {
  CHECK(norm(ground_point({0, 0}).position_km - Vec3{6378.137, 0, 0}) < 1e-9);
  CHECK(norm(ground_point({90, 0}).position_km - Vec3{0, 0, 6356.752314}) < 1e-6);
  CHECK(norm(ground_point({-45, 90}).position_km - Vec3{0, 4517.590879, -4487.348409}) < 1e-6);
}

TEST_CASE("frames: elevation and range") {
  const GroundPoint here = ground_point({48, 11});
  CHECK(elevation_deg(here, here.position_km + 550 * here.up) == doctest::Approx(90));
  CHECK(look(here, here.position_km + 550 * here.up).range_km == doctest::Approx(550));
  const Vec3 east = cross({0, 0, 1}, here.up);
  CHECK(elevation_deg(here, here.position_km + 700 * east) == doctest::Approx(0).epsilon(1e-9));
  CHECK(elevation_deg(here, {0, 0, 0}) < -89);
}

TEST_CASE("frames: light") {
  CHECK(light_time(299'792.458) == seconds(1));
  CHECK(light_time(0) == Duration{});
}

TEST_CASE("frames: azimuths of the compass, at the poles too") {
  const GroundPoint equator = ground_point({0, 0});
  const auto toward = [](GroundPoint from, catalog::GeoPoint place) {
    return azimuth_deg(from, ground_point(place).position_km);
  };
  CHECK(toward(equator, {10, 0}) == doctest::Approx(0));
  CHECK(toward(equator, {0, 10}) == doctest::Approx(90));
  CHECK(toward(equator, {-10, 0}) == doctest::Approx(180));
  CHECK(toward(equator, {0, -10}) == doctest::Approx(270));
  CHECK(toward(ground_point({90, 0}), {80, 90}) >= 0);
}

TEST_CASE("frames: the place below a point is where it was put, at any height") {
  for (double latitude = -90; latitude <= 90; latitude += 7.5)
    for (const double height_km : {0.0, 550.0, 35786.0}) {
      const GroundPoint ground = ground_point({latitude, 123.4});
      const catalog::GeoPoint found = place_below(ground.position_km + height_km * ground.up);
      CHECK(std::fabs(found.latitude_deg - latitude) < 1e-6);
      if (std::fabs(latitude) < 90) CHECK(found.longitude_deg == doctest::Approx(123.4));
    }
}
