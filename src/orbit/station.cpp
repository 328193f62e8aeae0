#include "axs/orbit/station.h"

#include <cmath>

#include "axs/core/dmath.h"

namespace axs::orbit {

Sight::Sight(const GroundStation& station)
    : at_{station.at},
      min_sin_elevation_{dmath::sin(station.min_elevation_deg * dmath::pi / 180)},
      max_range_km_{station.max_range_km} {}

bool Sight::sees(Vec3 satellite_km) const {
  const Look seen = look(at_, satellite_km);
  return seen.sin_elevation >= min_sin_elevation_ && seen.range_km <= max_range_km_;
}

double Sight::lowest_km(double radius_km) const {
  // The vertical of the ellipsoid leans by at most 0.0034 from the line to the centre; a millimetre
  // is for rounding.
  constexpr double lean = 0.0034, rounding_km = 1e-6;
  const double ground = dot(at_.position_km, at_.up) - rounding_km;
  const double radius2 = radius_km * radius_km - dot(at_.position_km, at_.position_km);
  if (radius2 <= 0) return ground;
  // Along a ray at the least elevation, the sphere of that radius is nearest; a higher ray meets it
  // higher up.
  const double along = norm(at_.position_km) * (min_sin_elevation_ + lean);
  const double range = std::sqrt(along * along + radius2) - along;
  return ground + min_sin_elevation_ * range;
}

}  // namespace axs::orbit
