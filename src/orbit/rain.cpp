#include "axs/orbit/rain.h"

#include <algorithm>
#include <cmath>

#include "axs/core/dmath.h"

namespace axs::orbit {

namespace {

constexpr double degree = dmath::pi / 180;

double power_of_db(double db) {
  return dmath::pow(10, db / 10);
}

}  // namespace

double rain_height_km(double latitude_deg) {
  const double height = latitude_deg > 23    ? 5 - 0.075 * (latitude_deg - 23)
                        : latitude_deg < -21 ? 5 + 0.1 * (latitude_deg + 21)
                                             : 5;
  return std::max(height, 0.0);
}

double rain_attenuation_db(const RadioBand& band, double rain_mm_h, double latitude_deg,
                           double elevation_deg) {
  if (!(rain_mm_h > 0)) return 0;
  const auto [sine, cosine] = dmath::sincos(std::clamp(elevation_deg, 5.0, 90.0) * degree);
  const double slant_km = rain_height_km(latitude_deg) / sine;
  const double shortened = 90 / (90 + 4 * slant_km * cosine);
  return band.k * dmath::pow(rain_mm_h, band.alpha) * slant_km * shortened;
}

double rate_share(const RadioBand& band, double attenuation_db) {
  constexpr double weakest_db = -3;
  const double left_db = band.clear_snr_db - std::max(attenuation_db, 0.0);
  if (!(left_db >= weakest_db)) return 0;
  return dmath::log(1 + power_of_db(left_db)) / dmath::log(1 + power_of_db(band.clear_snr_db));
}

}  // namespace axs::orbit
