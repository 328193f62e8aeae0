#pragma once

#include <array>

#include "axs/core/result.h"
#include "axs/orbit/elements.h"
#include "axs/orbit/vec3.h"

namespace axs::orbit {

/// What SGP4 needs of one near-earth satellite: all that does not depend on time. Angles in
/// radians, lengths in earth radii (6378.135 km), time in minutes. Plain numbers, so that many
/// satellites can be laid out field by field.
struct Sgp4 {
  catalog::UtcTime epoch;

  double mean_anomaly, perigee, node, eccentricity;
  double semi_major;   ///< Brouwer's mean.
  double mean_motion;  ///< Radians per minute, Kozai's correction taken out.
  double anomaly_rate, perigee_rate, node_rate;

  double inclination, sin_inclination, cos_inclination;
  double long_period_longitude, long_period_axis;     ///< Of J3.
  double three_cos2_less_1, sin2, seven_cos2_less_1;  ///< Of the inclination.

  double node_drag;            ///< Of t squared.
  std::array<double, 4> drag;  ///< Shrinks the axis: 1 - sum of drag[i] t^(i+1).
  double eccentricity_drag, eccentricity_periodic_drag;
  std::array<double, 4> longitude_drag;  ///< Of t^2 ... t^5.
  double perigee_drag, anomaly_drag, eta, anomaly_drag_offset, sin_anomaly;
};

/// Why there is no position. The numbers of Vallado's reference are 0, 1, 2, 4 and 6.
enum class OrbitState { fine, bad_eccentricity, bad_mean_motion, bad_semi_latus_rectum, decayed };

/// A satellite in TEME, the frame of the true equator and mean equinox of date. Where the orbit is
/// `decayed` the vectors are below the ground; otherwise, unless fine, they are zero.
struct TemeState {
  Vec3 position_km;
  Vec3 velocity_km_s;
  OrbitState state = OrbitState::fine;
};

/// Where a satellite is on its mean orbit: what tells how two of them move beside each other.
struct MeanPlace {
  double semi_major_km;
  double node;                  ///< Radians, not wrapped; so is the next.
  double argument_of_latitude;  ///< Mean anomaly and argument of perigee.
};

/// Prepares the SGP4 theory (Hoots and Roehrich 1980) as Vallado, Crawford, Hujsak and Kelso
/// revised it ("Revisiting Spacetrack Report #3", AIAA 2006-6753), with the WGS-72 constants.
/// Refuses orbits with a period of 225 minutes or more, which need the deep-space theory, and those
/// that begin below the ground.
Result<Sgp4> prepare(const MeanElements& elements);

/// The state `minutes` after the epoch.
TemeState propagate(const Sgp4& satellite, double minutes);
TemeState propagate(const Sgp4& satellite, catalog::UtcTime at);

MeanPlace mean_place(const Sgp4& satellite, catalog::UtcTime at);

}  // namespace axs::orbit
