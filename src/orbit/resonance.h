#pragma once

#include "axs/orbit/deep_space.h"

/// Orbits of one day and of half a day pass over the same places again and again, so that single
/// terms of the earth's gravity field add up.
namespace axs::orbit {

/// Finds out whether the orbit is resonant and fills in what belongs to it. `deep` has its rates
/// and its sidereal time.
void set_resonance(const OsculatingElements& elements, const SecularMotion& motion,
                   DeepSpace& deep);

/// Mean motion and mean anomaly at `minutes`, integrated from the epoch by Euler and Maclaurin's
/// formula in steps of 720 minutes, which is part of the theory. Node and perigee have their
/// secular changes already.
void add_resonance(const DeepSpace& deep, double minutes, OsculatingElements& elements);

}  // namespace axs::orbit
