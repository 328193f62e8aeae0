#pragma once

namespace axs::orbit {

/// The constants of an earth gravity model that SGP4 takes (Vallado et al. 2006, table 1).
struct Gravity {
  double radius_km;  ///< Of the equator.
  double ke;         ///< 60 sqrt(mu / R^3): root of mu in earth radii to the 3/2 per minute.
  double j2, j3, j4;
  bool operator==(const Gravity&) const = default;
};

/// With mu = 398600.8 km^3/s^2. What element sets are made with: the one to use for TLE and OMM.
inline constexpr Gravity wgs72{6378.135, 0.07436691613317342, 0.001082616, -0.00000253881,
                               -0.00000165597};
/// With mu = 398600.5 km^3/s^2.
inline constexpr Gravity wgs84{6378.137, 0.07436685316871385, 0.00108262998905, -0.00000253215306,
                               -0.00000161098761};

}  // namespace axs::orbit
