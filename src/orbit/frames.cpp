#include "axs/orbit/frames.h"

#include "axs/core/dmath.h"

namespace axs::orbit {

namespace {

constexpr double degree = dmath::pi / 180;
// WGS-84 (NIMA TR8350.2, 2000).
constexpr double equator_km = 6378.137, flattening = 1 / 298.257223563;

}  // namespace

double sidereal_time(catalog::UtcTime at) {
  constexpr std::int64_t j2000_ns = 946'728'000'000'000'000;  // 2000-01-01T12:00:00Z
  constexpr std::int64_t day_ns = 86'400'000'000'000;
  const std::int64_t since = at.ns - j2000_ns;
  // Whole turns of the mean sun are dropped before they cost precision.
  const std::int64_t in_day = (since % day_ns + day_ns) % day_ns;
  const double t = static_cast<double>(since) / (36525.0 * day_ns);  // Julian centuries
  const double s = 67310.54841 + static_cast<double>(in_day) * 1e-9 +
                   t * (8640184.812866 + t * (0.093104 - t * 6.2e-6));
  const double turns = s / 86400;
  return 2 * dmath::pi * (turns - std::floor(turns));
}

EarthRotation::EarthRotation(catalog::UtcTime at) {
  const auto [sine, cosine] = dmath::sincos(sidereal_time(at));
  sin_ = sine;
  cos_ = cosine;
}

Vec3 EarthRotation::to_ecef(Vec3 teme) const {
  return {cos_ * teme.x + sin_ * teme.y, cos_ * teme.y - sin_ * teme.x, teme.z};
}

Vec3 EarthRotation::place_of(const TemeState& state) const {
  return state.state == OrbitState::fine ? to_ecef(state.position_km) : Vec3{};
}

GroundPoint ground_point(catalog::GeoPoint point) {
  const auto [sin_lat, cos_lat] = dmath::sincos(point.latitude_deg * degree);
  const auto [sin_lon, cos_lon] = dmath::sincos(point.longitude_deg * degree);
  constexpr double e2 = flattening * (2 - flattening);
  // Radius of curvature across the meridian.
  const double n = equator_km / std::sqrt(1 - e2 * sin_lat * sin_lat);
  const Vec3 up{cos_lat * cos_lon, cos_lat * sin_lon, sin_lat};
  return {{n * up.x, n * up.y, n * (1 - e2) * up.z}, up};
}

Look look(const GroundPoint& from, Vec3 satellite_ecef_km) {
  const Vec3 way = satellite_ecef_km - from.position_km;
  const double range = norm(way);
  return {range, dot(way, from.up) / range};
}

double elevation_deg(const GroundPoint& from, Vec3 satellite_ecef_km) {
  return dmath::asin(look(from, satellite_ecef_km).sin_elevation) / degree;
}

double azimuth_deg(const GroundPoint& from, Vec3 satellite_ecef_km) {
  const Vec3 way = satellite_ecef_km - from.position_km;
  const double across = std::sqrt(from.up.x * from.up.x + from.up.y * from.up.y);
  const Vec3 east = across > 0 ? Vec3{-from.up.y / across, from.up.x / across, 0} : Vec3{0, 1, 0};
  const double angle = dmath::atan2(dot(way, east), dot(way, cross(from.up, east))) / degree;
  return angle < 0 ? angle + 360 : angle;
}

catalog::GeoPoint place_below(Vec3 ecef_km) {
  constexpr double polar_km = equator_km * (1 - flattening);
  constexpr double e2 = flattening * (2 - flattening), e2_polar = e2 / (1 - e2);
  const double across = std::sqrt(ecef_km.x * ecef_km.x + ecef_km.y * ecef_km.y);
  const auto [sine, cosine] =
      dmath::sincos(dmath::atan2(ecef_km.z * equator_km, across * polar_km));
  const double latitude = dmath::atan2(ecef_km.z + e2_polar * polar_km * sine * sine * sine,
                                       across - e2 * equator_km * cosine * cosine * cosine);
  return {latitude / degree, dmath::atan2(ecef_km.y, ecef_km.x) / degree};
}

}  // namespace axs::orbit
