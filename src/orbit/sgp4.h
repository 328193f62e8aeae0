#pragma once

#include <array>
#include <optional>

#include "axs/core/result.h"
#include "axs/orbit/deep_space.h"
#include "axs/orbit/elements.h"
#include "axs/orbit/gravity.h"
#include "axs/orbit/vec3.h"

namespace axs::orbit {

/// How the orbit's plane leans, and what the theory makes of that.
struct Tilt {
  double inclination, sin, cos;
  double three_cos2_less_1, sin2, seven_cos2_less_1;
  double long_period_longitude, long_period_axis;  ///< Of J3.
};

/// What SGP4 needs of one satellite: all that does not depend on time. Angles in radians, lengths
/// in earth radii, time in minutes.
struct Sgp4 {
  catalog::UtcTime epoch;
  Gravity gravity;

  double mean_anomaly, perigee, node, eccentricity;
  double semi_major;   ///< Brouwer's mean.
  double mean_motion;  ///< Radians per minute, Kozai's correction taken out.
  double anomaly_rate, perigee_rate, node_rate;
  Tilt tilt;

  double node_drag;            ///< Of t squared.
  std::array<double, 4> drag;  ///< Shrinks the axis: 1 - sum of drag[i] t^(i+1).
  double eccentricity_drag, eccentricity_periodic_drag;
  std::array<double, 4> longitude_drag;  ///< Of t^2 ... t^5.
  double perigee_drag, anomaly_drag, eta, anomaly_drag_offset, sin_anomaly;

  std::optional<DeepSpace> deep;  ///< For a period of 225 minutes and more.
};

/// 38 years. The sines of core are good for as many radians as the lowest orbit turns in that time.
inline constexpr double minutes_max = 2e7;

/// Why there is no position. The numbers up to 6 are those of Vallado's reference.
enum class OrbitState : std::uint8_t {
  fine = 0,
  bad_eccentricity = 1,
  bad_mean_motion = 2,
  bad_perturbed_eccentricity = 3,
  bad_semi_latus_rectum = 4,
  decayed = 6,
  too_far = 7,  ///< Decades from the epoch, where the theory has no meaning.
};

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
/// revised it ("Revisiting Spacetrack Report #3", AIAA 2006-6753), with deep space (SDP4) for
/// periods of 225 minutes and more. Refuses orbits that begin below the ground.
Result<Sgp4> prepare(const MeanElements& elements, const Gravity& gravity = wgs72);

/// The state `minutes` after the epoch.
TemeState propagate(const Sgp4& satellite, double minutes);
TemeState propagate(const Sgp4& satellite, catalog::UtcTime at);

MeanPlace mean_place(const Sgp4& satellite, catalog::UtcTime at);

}  // namespace axs::orbit
