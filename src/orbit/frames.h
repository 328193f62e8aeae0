#pragma once

#include "axs/catalog/geo.h"
#include "axs/catalog/utc.h"
#include "axs/core/time.h"
#include "axs/orbit/sgp4.h"
#include "axs/orbit/vec3.h"

/// Frames and points. All lengths in kilometres, because SGP4's are.
namespace axs::orbit {

/// The speed of light in vacuum, km/s; exact by the definition of the metre.
inline constexpr double light_km_s = 299'792.458;

/// How long light takes over a way in vacuum, to the nearest nanosecond.
constexpr Duration light_time(double km) {
  return from_seconds(km / light_km_s);
}

/// Greenwich mean sidereal time in radians in [0, 2 pi): IAU 1982 (Aoki et al. 1982). UTC is taken
/// for UT1: they differ by less than 0.9 s, which turns the earth by at most 420 m at the equator,
/// the same for all that is on it.
double sidereal_time(catalog::UtcTime at);

/// Turns TEME into the frame that rotates with the earth (ECEF). Polar motion is left out; it moves
/// the ground by less than 20 m.
class EarthRotation {
 public:
  explicit EarthRotation(catalog::UtcTime at);
  Vec3 to_ecef(Vec3 teme) const;
  /// A satellite in ECEF; one that has no position any more is put at the earth's centre, where
  /// nobody sees it.
  Vec3 place_of(const TemeState& state) const;

 private:
  double sin_;
  double cos_;
};

/// A place at the surface of the WGS-84 ellipsoid, in ECEF.
struct GroundPoint {
  Vec3 position_km;
  Vec3 up;  ///< Unit length, at right angles to the ellipsoid.
};

GroundPoint ground_point(catalog::GeoPoint point);

/// What a station sees of a satellite.
struct Look {
  double range_km;
  double sin_elevation;  ///< Above the horizon of the ellipsoid.
};

Look look(const GroundPoint& from, Vec3 satellite_ecef_km);
double elevation_deg(const GroundPoint& from, Vec3 satellite_ecef_km);
/// Clockwise from north, in [0, 360). At a pole north lies along the meridian that it was given.
double azimuth_deg(const GroundPoint& from, Vec3 satellite_ecef_km);

/// The place over which a point is, within 1e-6 degrees for heights up to those of the
/// geostationary orbit (Bowring, "Transformation from spatial to geographical coordinates", Survey
/// Review 1976).
catalog::GeoPoint place_below(Vec3 ecef_km);

}  // namespace axs::orbit
