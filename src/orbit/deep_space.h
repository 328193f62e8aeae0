#pragma once

#include <array>
#include <cstdint>

#include "axs/orbit/elements.h"

/// What the deep-space theory (SDP4; Hujsak, Spacetrack Report #1, 1979; Hoots, Schumacher and
/// Glover 2004; as revised by Vallado et al. 2006) adds to SGP4 for orbits of 225 minutes and more:
/// the pull of sun and moon, and the resonance of half-day and one-day orbits with the earth's
/// gravity field. Angles in radians, time in minutes since the epoch.
namespace axs::orbit {

/// The elements that change, as the theory passes them from one effect to the next.
struct OsculatingElements {
  double mean_motion, eccentricity, inclination, node, perigee, mean_anomaly;
};

/// Amplitudes of what one body does within its own period, in its true anomaly f: those ending in
/// 2, 3 and 4 are of (sin^2 f)/2 - 1/4, of -(sin f cos f)/2 and of sin f.
struct BodyPeriodics {
  double e2, e3, i2, i3, l2, l3, l4, g2, g3, g4, h2, h3;
  double mean_anomaly;  ///< Of the body at the epoch.
};

/// Rates per minute, averaged over the orbits of satellite and body.
struct SecularRates {
  double eccentricity, inclination, mean_anomaly, perigee, node;
};

/// Which terms of the gravity field the satellite's orbit keeps in step with.
enum class Resonance : std::uint8_t { none, one_day, half_day };

struct DeepSpace {
  BodyPeriodics sun, moon;
  SecularRates rates;  ///< Of both together.

  Resonance resonance;
  std::array<double, 10> amplitudes;  ///< Of the resonance's terms.
  double sidereal_time;               ///< Greenwich, at the epoch.
  double longitude;                   ///< Of the resonance, at the epoch.
  double longitude_rate;              ///< Less the mean motion.
  double mean_motion;                 ///< At the epoch.
  double perigee, perigee_rate;       ///< Of SGP4, without sun and moon.
};

/// What the theory needs of a satellite beside its elements at the epoch: SGP4's own rates, and ke.
struct SecularMotion {
  double anomaly_rate, perigee_rate, node_rate, ke;
};

DeepSpace deep_space(catalog::UtcTime epoch, const OsculatingElements& elements,
                     const SecularMotion& motion);

/// Adds the secular effects, and those of the resonance by steps of half a day from the epoch.
void add_secular(const DeepSpace& deep, double minutes, OsculatingElements& elements);

/// Adds the periodic effects of sun and moon.
void add_periodic(const DeepSpace& deep, double minutes, OsculatingElements& elements);

}  // namespace axs::orbit
