#include "axs/orbit/fibre.h"

#include "axs/core/assert.h"
#include "axs/core/dmath.h"
#include "axs/orbit/frames.h"

namespace axs::orbit {

namespace {

constexpr double mean_radius_km = 6371.0088, polar_radius_km = 6356.752;

/// The angle between two directions; exact also where they are nearly the same or opposite.
double angle_between(Vec3 a, Vec3 b) {
  return dmath::atan2(norm(cross(a, b)), dot(a, b));
}

double great_circle_km(catalog::GeoPoint a, catalog::GeoPoint b) {
  return mean_radius_km * angle_between(ground_point(a).up, ground_point(b).up);
}

}  // namespace

Meters great_circle(catalog::GeoPoint a, catalog::GeoPoint b) {
  return Meters{1000 * great_circle_km(a, b)};
}

Duration fibre_delay(catalog::GeoPoint a, catalog::GeoPoint b, double route_factor) {
  AXS_ASSERT(route_factor >= 1);
  return light_time(great_circle_km(a, b) * route_factor * 1.5);
}

Duration surface_light_delay(catalog::GeoPoint a, catalog::GeoPoint b) {
  return light_time(great_circle_km(a, b));
}

Duration light_bound(catalog::GeoPoint a, catalog::GeoPoint b) {
  return light_time(norm(ground_point(a).position_km - ground_point(b).position_km));
}

Duration outside_bound(catalog::GeoPoint a, catalog::GeoPoint b) {
  return light_time(polar_radius_km *
                    angle_between(ground_point(a).position_km, ground_point(b).position_km));
}

}  // namespace axs::orbit
