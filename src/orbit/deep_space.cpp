#include "axs/orbit/deep_space.h"

#include <cmath>

#include "axs/core/dmath.h"
#include "axs/orbit/frames.h"
#include "axs/orbit/resonance.h"

// The letters in formulas are those of the paper (Vallado et al. 2006, appendix; Hoots, Schumacher
// and Glover 2004): a, x, z and s of a body's orbit as seen from the satellite's.
namespace axs::orbit {

namespace {

using dmath::cos;
using dmath::sin;
using dmath::SinCos;

constexpr double two_pi = 2 * dmath::pi;

/// What does not depend on the epoch.
struct Body {
  double strength;  ///< C1 of the theory: mass and distance.
  double mean_motion;
  double eccentricity;
};
constexpr Body the_sun{2.9864797e-6, 1.19459e-5, 0.01675};
constexpr Body the_moon{4.7968065e-7, 1.5835218e-4, 0.05490};

/// The orbit of a body at the satellite's epoch; its node counted from the satellite's.
struct BodyOrbit {
  Body body;
  double mean_anomaly;
  SinCos perigee, inclination, node;
};

struct BodyOrbits {
  BodyOrbit sun, moon;
};

/// Days since 1899-12-31 12:00, the theory's origin for sun and moon.
double theory_day(catalog::UtcTime epoch) {
  constexpr std::int64_t from_1970_to_1950_ns = -7306 * 86'400'000'000'000;  // 1949-12-31T00:00:00
  return static_cast<double>(epoch.ns - from_1970_to_1950_ns) / 8.64e13 + 18261.5;
}

/// Both orbits relative to a satellite's node.
BodyOrbits orbits_at(double day, SinCos node) {
  const double moon_node = 4.5236020 - 9.2422029e-4 * day;
  const auto [stem, ctem] = dmath::sincos(moon_node);
  const double cos_i = 0.91375164 - 0.03568096 * ctem, sin_i = std::sqrt(1 - cos_i * cos_i);
  const double sin_h = 0.089683511 * stem / sin_i, cos_h = std::sqrt(1 - sin_h * sin_h);
  const double longitude = 5.8351514 + 0.0019443680 * day;
  const double arc =
      dmath::atan2(0.39785416 * stem / sin_i, cos_h * ctem + 0.91744867 * sin_h * stem);
  return {{the_sun,
           6.2565837 + 0.017201977 * day,
           {-0.98088458, 0.1945905},
           {0.39785416, 0.91744867},
           node},
          {the_moon,
           4.7199672 + 0.22997150 * day - longitude,
           dmath::sincos(longitude + arc - moon_node),
           {sin_i, cos_i},
           {node.sin * cos_h - node.cos * sin_h, cos_h * node.cos + sin_h * node.sin}}};
}

/// What a body's pull on an orbit is made of.
struct Pull {
  double s1, s2, s3, s4, s5, s6, s7;
  double z1, z2, z3, z11, z12, z13, z21, z22, z23, z31, z32, z33;
};

/// The satellite's orbit, as the pull depends on it.
struct Geometry {
  double e, e2, beta, mean_motion;
  SinCos inclination, perigee;
};

struct BodyAxes {
  double a1, a2, a3, a4, a5, a6;
};

/// The body's orbit in the satellite's frame.
BodyAxes axes_of(const Geometry& g, const BodyOrbit& b) {
  const SinCos w = b.perigee, i = b.inclination, h = b.node, tilt = g.inclination;
  const double a7 = -w.cos * h.sin + w.sin * i.cos * h.cos, a8 = w.sin * i.sin;
  const double a9 = w.sin * h.sin + w.cos * i.cos * h.cos, a10 = w.cos * i.sin;
  return {w.cos * h.cos + w.sin * i.cos * h.sin,  tilt.cos * a7 + tilt.sin * a8,
          -w.sin * h.cos + w.cos * i.cos * h.sin, tilt.cos * a9 + tilt.sin * a10,
          -tilt.sin * a7 + tilt.cos * a8,         -tilt.sin * a9 + tilt.cos * a10};
}

Pull pull_of(const Geometry& g, const BodyOrbit& body) {
  const auto [a1, a2, a3, a4, a5, a6] = axes_of(g, body);
  const double e2 = g.e2, beta2 = 1 - e2, c = g.perigee.cos, s = g.perigee.sin;
  const double x1 = a1 * c + a2 * s, x2 = a3 * c + a4 * s;
  const double x3 = -a1 * s + a2 * c, x4 = -a3 * s + a4 * c;
  const double x5 = a5 * s, x6 = a6 * s, x7 = a5 * c, x8 = a6 * c;
  Pull p{};
  p.z31 = 12 * x1 * x1 - 3 * x3 * x3;
  p.z32 = 24 * x1 * x2 - 6 * x3 * x4;
  p.z33 = 12 * x2 * x2 - 3 * x4 * x4;
  p.z1 = 2 * (3 * (a1 * a1 + a2 * a2) + p.z31 * e2) + beta2 * p.z31;
  p.z2 = 2 * (6 * (a1 * a3 + a2 * a4) + p.z32 * e2) + beta2 * p.z32;
  p.z3 = 2 * (3 * (a3 * a3 + a4 * a4) + p.z33 * e2) + beta2 * p.z33;
  p.z11 = -6 * a1 * a5 + e2 * (-24 * x1 * x7 - 6 * x3 * x5);
  p.z12 = -6 * (a1 * a6 + a3 * a5) + e2 * (-24 * (x2 * x7 + x1 * x8) - 6 * (x3 * x6 + x4 * x5));
  p.z13 = -6 * a3 * a6 + e2 * (-24 * x2 * x8 - 6 * x4 * x6);
  p.z21 = 6 * a2 * a5 + e2 * (24 * x1 * x5 - 6 * x3 * x7);
  p.z22 = 6 * (a4 * a5 + a2 * a6) + e2 * (24 * (x2 * x5 + x1 * x6) - 6 * (x4 * x7 + x3 * x8));
  p.z23 = 6 * a4 * a6 + e2 * (24 * x2 * x6 - 6 * x4 * x8);
  p.s3 = body.body.strength / g.mean_motion;
  p.s2 = -0.5 * p.s3 / g.beta;
  p.s4 = p.s3 * g.beta;
  p.s1 = -15 * g.e * p.s4;
  p.s5 = x1 * x3 + x2 * x4, p.s6 = x2 * x3 + x1 * x4, p.s7 = x2 * x4 - x1 * x3;
  return p;
}

BodyPeriodics periodics_of(const Pull& p, double e2, const BodyOrbit& orbit) {
  const double ze = orbit.body.eccentricity;
  return {2 * p.s1 * p.s6,
          2 * p.s1 * p.s7,
          2 * p.s2 * p.z12,
          2 * p.s2 * (p.z13 - p.z11),
          -2 * p.s3 * p.z2,
          -2 * p.s3 * (p.z3 - p.z1),
          -2 * p.s3 * (-21 - 9 * e2) * ze,
          2 * p.s4 * p.z32,
          2 * p.s4 * (p.z33 - p.z31),
          -18 * p.s4 * ze,
          -2 * p.s2 * p.z22,
          -2 * p.s2 * (p.z23 - p.z21),
          orbit.mean_anomaly};
}

void add_rates(const Pull& p, double body_motion, const Geometry& g, SecularRates& rates) {
  rates.eccentricity += p.s1 * body_motion * p.s5;
  rates.inclination += p.s2 * body_motion * (p.z11 + p.z13);
  rates.mean_anomaly -= body_motion * p.s3 * (p.z1 + p.z3 - 14 - 6 * g.e2);
  rates.perigee += p.s4 * body_motion * (p.z31 + p.z33 - 6);
  // Within 3 degrees of the equator the node has no meaning; the theory leaves it alone.
  constexpr double sin_3_degrees = 0.052335956242943832;
  if (std::fabs(g.inclination.sin) < sin_3_degrees) return;
  const double node = -body_motion * p.s2 * (p.z21 + p.z23) / g.inclination.sin;
  rates.node += node;
  rates.perigee -= g.inclination.cos * node;
}

/// The periodic changes of one body at one time.
struct Changes {
  double e, i, l, g, h;
};

Changes changes_at(const BodyPeriodics& p, const Body& body, double minutes) {
  const double mean = p.mean_anomaly + body.mean_motion * minutes;
  const auto [sine, cosine] = dmath::sincos(mean + 2 * body.eccentricity * sin(mean));
  const double f2 = 0.5 * sine * sine - 0.25, f3 = -0.5 * sine * cosine;
  return {p.e2 * f2 + p.e3 * f3, p.i2 * f2 + p.i3 * f3, p.l2 * f2 + p.l3 * f3 + p.l4 * sine,
          p.g2 * f2 + p.g3 * f3 + p.g4 * sine, p.h2 * f2 + p.h3 * f3};
}

/// Within (-2 pi, 2 pi), with the sign of x.
double turn_part(double x) {
  return x - two_pi * std::trunc(x / two_pi);
}

/// Lyddane's way (1963), for orbits near the equator, in which the node itself may jump.
void add_near_equator(const Changes& c, SinCos tilt, OsculatingElements& o) {
  const double node = turn_part(o.node);
  const auto [sin_node, cos_node] = dmath::sincos(node);
  const double alpha = tilt.sin * sin_node + (c.h * cos_node + c.i * tilt.cos * sin_node);
  const double beta = tilt.sin * cos_node + (-c.h * sin_node + c.i * tilt.cos * cos_node);
  const double sum = o.mean_anomaly + o.perigee + c.l + c.g + (tilt.cos - c.i * tilt.sin) * node;
  o.node = dmath::atan2(alpha, beta);
  if (std::fabs(node - o.node) > dmath::pi) o.node += o.node < node ? two_pi : -two_pi;
  o.mean_anomaly += c.l;
  o.perigee = sum - o.mean_anomaly - tilt.cos * o.node;
}

}  // namespace

DeepSpace deep_space(catalog::UtcTime epoch, const OsculatingElements& o,
                     const SecularMotion& motion) {
  const double e2 = o.eccentricity * o.eccentricity;
  const Geometry g{
      o.eccentricity,          e2, std::sqrt(1 - e2), o.mean_motion, dmath::sincos(o.inclination),
      dmath::sincos(o.perigee)};
  const BodyOrbits orbits = orbits_at(theory_day(epoch), dmath::sincos(o.node));
  const Pull sun = pull_of(g, orbits.sun), moon = pull_of(g, orbits.moon);
  DeepSpace deep{};
  deep.sun = periodics_of(sun, e2, orbits.sun);
  deep.moon = periodics_of(moon, e2, orbits.moon);
  add_rates(sun, the_sun.mean_motion, g, deep.rates);
  add_rates(moon, the_moon.mean_motion, g, deep.rates);
  deep.sidereal_time = sidereal_time(epoch);
  set_resonance(o, motion, deep);
  return deep;
}

void add_secular(const DeepSpace& deep, double minutes, OsculatingElements& o) {
  o.eccentricity += deep.rates.eccentricity * minutes;
  o.inclination += deep.rates.inclination * minutes;
  o.perigee += deep.rates.perigee * minutes;
  o.node += deep.rates.node * minutes;
  o.mean_anomaly += deep.rates.mean_anomaly * minutes;
  if (deep.resonance != Resonance::none) add_resonance(deep, minutes, o);
}

void add_periodic(const DeepSpace& deep, double minutes, OsculatingElements& o) {
  const Changes sun = changes_at(deep.sun, the_sun, minutes);
  const Changes moon = changes_at(deep.moon, the_moon, minutes);
  Changes c{sun.e + moon.e, sun.i + moon.i, sun.l + moon.l, sun.g + moon.g, sun.h + moon.h};
  o.inclination += c.i;
  o.eccentricity += c.e;
  const SinCos tilt = dmath::sincos(o.inclination);
  if (o.inclination < 0.2) return add_near_equator(c, tilt, o);
  const double node = c.h / tilt.sin;
  o.node += node;
  o.perigee += c.g - tilt.cos * node;
  o.mean_anomaly += c.l;
}

}  // namespace axs::orbit
