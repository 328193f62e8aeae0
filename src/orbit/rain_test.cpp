#include "axs/orbit/rain.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace axs::orbit;

TEST_CASE("rain: heights of ITU-R P.839-2") {
  CHECK(rain_height_km(0) == 5);
  CHECK(rain_height_km(23) == 5);
  CHECK(rain_height_km(53) == doctest::Approx(2.75));
  CHECK(rain_height_km(-31) == doctest::Approx(4));
  CHECK(rain_height_km(-90) == 0);
}

TEST_CASE("rain: attenuation straight up is the specific one times the rain height") {
  // 10 mm/h: 0.343 dB/km at 12 GHz, 0.983 at 20 and 2.003 at 30 (P.838-3).
  CHECK(rain_attenuation_db(ku_12, 10, 0, 90) == doctest::Approx(5 * 0.3432).epsilon(1e-3));
  CHECK(rain_attenuation_db(ka_20, 10, 0, 90) == doctest::Approx(5 * 0.9827).epsilon(1e-3));
  CHECK(rain_attenuation_db(ka_30, 10, 0, 90) == doctest::Approx(5 * 2.0028).epsilon(1e-3));
  CHECK(rain_attenuation_db(ka_20, 0, 0, 90) == 0);
}

TEST_CASE(
    "rain: heavy rain takes about half of a user's rate in middle latitudes, ever more of it") {
  CHECK(rate_share(ku_12, 0) == 1);
  CHECK(rate_share(ku_12, 13) == 0);
  const double heavy = rate_share(ku_12, rain_attenuation_db(ku_12, 40, 52, 40));
  CHECK(heavy > 0.4);
  CHECK(heavy < 0.6);
}

TEST_CASE("rain: more rain, a lower satellite or a higher band never give a better link") {
  CHECK(rc::check([] {
    const double rain = *rc::gen::inRange(0, 100), latitude = *rc::gen::inRange(-90, 91);
    // Nearer to the zenith the shortening leaves a bump of 2 %.
    const double elevation = *rc::gen::inRange(0, 75);
    const auto share = [&](const RadioBand& band, double more_rain, double higher) {
      return rate_share(band,
                        rain_attenuation_db(band, rain + more_rain, latitude, elevation + higher));
    };
    RC_ASSERT(share(ku_12, 0, 0) >= 0.0);
    RC_ASSERT(share(ku_12, 0, 0) <= 1.0);
    RC_ASSERT(rain_attenuation_db(ka_20, rain + 1, latitude, elevation) >=
              rain_attenuation_db(ka_20, rain, latitude, elevation));
    RC_ASSERT(share(ku_12, 0, 0) <= share(ku_12, 0, 1) + 1e-12);
    RC_ASSERT(rain_attenuation_db(ku_12, rain, latitude, elevation) <=
              rain_attenuation_db(ka_20, rain, latitude, elevation));
  }));
}
