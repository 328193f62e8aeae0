#pragma once

#include "axs/catalog/utc.h"

namespace axs::orbit {

/// The mean elements that SGP4 starts from, in the units of a two-line set.
struct MeanElements {
  catalog::UtcTime epoch{};
  double inclination_deg{};
  double raan_deg{};  ///< Right ascension of the ascending node.
  double eccentricity{};
  double perigee_deg{};  ///< Argument of perigee.
  double mean_anomaly_deg{};
  double mean_motion{};  ///< Revolutions per day, Kozai's.
  double bstar{};        ///< Drag, per earth radius.
};

}  // namespace axs::orbit
