#pragma once

#include "axs/catalog/geo.h"
#include "axs/core/time.h"
#include "axs/core/units.h"

namespace axs::orbit {

/// The shortest way over the ground, on the sphere of the earth's mean radius (6,371.0088 km,
/// IUGG). A sphere, not the ellipsoid: closed form, no iteration that fails near antipodes, within
/// 0.56 % of the geodesic, while what fibre really takes is uncertain by tens of per cent (the
/// route factor).
Meters great_circle(catalog::GeoPoint a, catalog::GeoPoint b);

/// One way through fibre whose route is `route_factor` (>= 1) times the great circle, at two thirds
/// of the speed of light in vacuum.
Duration fibre_delay(catalog::GeoPoint a, catalog::GeoPoint b, double route_factor);

/// One way along the great circle at the speed of light in vacuum: what a promise of latency is
/// measured against.
Duration surface_light_delay(catalog::GeoPoint a, catalog::GeoPoint b);

/// One way along the straight line through the earth at the speed of light in vacuum: nothing beats
/// this.
Duration light_bound(catalog::GeoPoint a, catalog::GeoPoint b);

/// One way by any path that stays outside the earth cannot be shorter: the angle between the two
/// places as seen from the centre, over the largest sphere inside the earth (radius 6,356.752 km).
/// Proof: moving each point of the path straight down to that sphere makes no piece of it longer,
/// the ends come to lie that angle apart, and no curve on a sphere is shorter than its arc.
Duration outside_bound(catalog::GeoPoint a, catalog::GeoPoint b);

}  // namespace axs::orbit
