#include "axs/orbit/sgp4.h"

#include <cmath>
#include <string>

#include "axs/core/dmath.h"

// The letters in formulas are those of the paper: e eccentricity, i inclination, n mean motion,
// a semi-major axis, t minutes, xi = tsi, eta, C1 ... C5, D2 ... D4.
namespace axs::orbit {

namespace {

using dmath::cos;
using dmath::sin;

constexpr double minutes_per_day = 1440;
constexpr double degree = dmath::pi / 180;

constexpr double square(double x) {
  return x * x;
}
constexpr double cube(double x) {
  return x * x * x;
}

/// Earth radii, from radians per minute.
double semi_major_axis(const Gravity& g, double mean_motion) {
  return square(dmath::cbrt(g.ke / mean_motion));
}

/// Undoes Kozai's convention: the mean motion without the secular effect of J2.
double brouwer_mean_motion(const Gravity& g, double kozai, double e, double cos_i) {
  const double a = semi_major_axis(g, kozai), beta2 = 1 - e * e;
  const double d1 = 0.75 * g.j2 * (3 * cos_i * cos_i - 1) / (std::sqrt(beta2) * beta2);
  const double d = d1 / (a * a);
  const double a0 = a * (1 - d * d - d * (1.0 / 3 + 134 * d * d / 81));
  return kozai / (1 + d1 / (a0 * a0));
}

/// The reference heights of the density model, which go down with a low perigee.
struct Density {
  double s;      ///< Earth radii.
  double q0_s4;  ///< (q0 - s)^4, earth radii.
};

Density density_at(double perigee_km, double earth_radius_km) {
  double s_km = 78;
  if (perigee_km < 156) s_km = perigee_km < 98 ? 20 : perigee_km - 78;
  return {s_km / earth_radius_km + 1, square(square((120 - s_km) / earth_radius_km))};
}

/// What the drag terms have in common.
struct Drag {
  double xi, eta, eta2, e_eta, psi2, coefficient, coefficient1;
  double c1, c3;
  double s;
};

void set_secular_rates(Sgp4& s) {
  const double j2 = s.gravity.j2, cos = s.tilt.cos, cos2 = square(cos), cos4 = cos2 * cos2;
  const double beta2 = 1 - square(s.eccentricity), n = s.mean_motion;
  const double p = s.semi_major * beta2, p_2 = 1 / (p * p);
  const double t1 = 1.5 * j2 * p_2 * n, t2 = 0.5 * t1 * j2 * p_2;
  const double t3 = -0.46875 * s.gravity.j4 * p_2 * p_2 * n;
  s.anomaly_rate = n + 0.5 * t1 * std::sqrt(beta2) * s.tilt.three_cos2_less_1 +
                   0.0625 * t2 * std::sqrt(beta2) * (13 - 78 * cos2 + 137 * cos4);
  s.perigee_rate = -0.5 * t1 * (1 - 5 * cos2) + 0.0625 * t2 * (7 - 114 * cos2 + 395 * cos4) +
                   t3 * (3 - 36 * cos2 + 49 * cos4);
  s.node_rate = -t1 * cos + (0.5 * t2 * (4 - 19 * cos2) + 2 * t3 * (3 - 7 * cos2)) * cos;
}

/// C1 and C3 and what they are made of. Below 1e-4 of eccentricity the theory leaves C3 out.
Drag drag_of(const Sgp4& s, double bstar) {
  const double e = s.eccentricity, a = s.semi_major, n = s.mean_motion;
  const auto [earth_radius_km, ke, j2, j3, j4] = s.gravity;
  const Density density = density_at((a * (1 - e) - 1) * earth_radius_km, earth_radius_km);
  Drag d{};
  d.s = density.s;
  d.xi = 1 / (a - d.s);
  d.eta = a * e * d.xi;
  d.eta2 = d.eta * d.eta;
  d.e_eta = e * d.eta;
  d.psi2 = std::fabs(1 - d.eta2);
  d.coefficient = density.q0_s4 * square(square(d.xi));
  d.coefficient1 = d.coefficient / (cube(d.psi2) * std::sqrt(d.psi2));
  const double c2 =
      d.coefficient1 * n *
      (a * (1 + 1.5 * d.eta2 + d.e_eta * (4 + d.eta2)) +
       0.375 * j2 * d.xi / d.psi2 * s.tilt.three_cos2_less_1 * (8 + 3 * d.eta2 * (8 + d.eta2)));
  d.c1 = bstar * c2;
  if (e > 1e-4) d.c3 = -2 * d.coefficient * d.xi * (j3 / j2) * n * s.tilt.sin / e;
  return d;
}

double c4_of(const Sgp4& s, const Drag& d) {
  const double e = s.eccentricity, a = s.semi_major, beta2 = 1 - e * e;
  const double axial =
      -3 * s.tilt.three_cos2_less_1 * (1 - 2 * d.e_eta + d.eta2 * (1.5 - 0.5 * d.e_eta));
  const double periodic =
      0.75 * s.tilt.sin2 * (2 * d.eta2 - d.e_eta * (1 + d.eta2)) * cos(2 * s.perigee);
  return 2 * s.mean_motion * d.coefficient1 * a * beta2 *
         (d.eta * (2 + 0.5 * d.eta2) + e * (0.5 + 2 * d.eta2) -
          s.gravity.j2 * d.xi / (a * d.psi2) * (axial + periodic));
}

/// The terms that every orbit has.
void set_linear_drag(Sgp4& s, const Drag& d, double bstar) {
  const double beta2 = 1 - square(s.eccentricity), p = s.semi_major * beta2;
  const double node_j2 = -1.5 * s.gravity.j2 / (p * p) * s.mean_motion * s.tilt.cos;
  s.node_drag = 3.5 * beta2 * node_j2 * d.c1;
  s.drag[0] = d.c1;
  s.eccentricity_drag = bstar * c4_of(s, d);
  s.longitude_drag[0] = 1.5 * d.c1;
}

/// The terms that the theory drops where the perigee is below 220 km.
void set_higher_drag(Sgp4& s, const Drag& d, double bstar) {
  const double a = s.semi_major, c1 = d.c1, c1_2 = c1 * c1;
  const double c5 = 2 * d.coefficient1 * a * (1 - square(s.eccentricity)) *
                    (1 + 2.75 * (d.eta2 + d.e_eta) + d.e_eta * d.eta2);
  s.eccentricity_periodic_drag = bstar * c5;
  s.perigee_drag = bstar * d.c3 * cos(s.perigee);
  if (s.eccentricity > 1e-4) s.anomaly_drag = -2.0 / 3 * d.coefficient * bstar / d.e_eta;
  s.eta = d.eta;
  s.anomaly_drag_offset = cube(1 + d.eta * cos(s.mean_anomaly));
  s.sin_anomaly = sin(s.mean_anomaly);
  const double d2 = 4 * a * d.xi * c1_2, common = d2 * d.xi * c1 / 3;
  const double d3 = (17 * a + d.s) * common;
  const double d4 = 0.5 * common * a * d.xi * (221 * a + 31 * d.s) * c1;
  s.drag[1] = d2, s.drag[2] = d3, s.drag[3] = d4;
  s.longitude_drag[1] = d2 + 2 * c1_2;
  s.longitude_drag[2] = 0.25 * (3 * d3 + c1 * (12 * d2 + 10 * c1_2));
  s.longitude_drag[3] = 0.2 * (3 * d4 + 12 * c1 * d3 + 6 * d2 * d2 + 15 * c1_2 * (2 * d2 + c1_2));
}

Tilt tilt_of(double inclination, const Gravity& g) {
  const auto [sine, cosine] = dmath::sincos(inclination);
  const double cos2 = square(cosine), j3_j2 = g.j3 / g.j2;
  // Straight against the earth's rotation 1 + cos i vanishes; the paper divides by 1.5e-12 there.
  const double above = std::fabs(cosine + 1) > 1.5e-12 ? 1 + cosine : 1.5e-12;
  return {inclination,
          sine,
          cosine,
          3 * cos2 - 1,
          1 - cos2,
          7 * cos2 - 1,
          -0.25 * j3_j2 * sine * (3 + 5 * cosine) / above,
          -0.5 * j3_j2 * sine};
}

/// The orbit's size and angles, in radians and earth radii.
Sgp4 geometry_of(const MeanElements& elements, const Gravity& gravity) {
  Sgp4 s{};
  s.epoch = elements.epoch;
  s.gravity = gravity;
  s.mean_anomaly = elements.mean_anomaly_deg * degree;
  s.perigee = elements.perigee_deg * degree;
  s.node = elements.raan_deg * degree;
  s.eccentricity = elements.eccentricity;
  s.tilt = tilt_of(elements.inclination_deg * degree, gravity);
  const double kozai = elements.mean_motion * (2 * dmath::pi / minutes_per_day);
  s.mean_motion = brouwer_mean_motion(gravity, kozai, s.eccentricity, s.tilt.cos);
  s.semi_major = semi_major_axis(gravity, s.mean_motion);
  return s;
}

/// The mean orbit at one time; deep space has added the periodic terms of sun and moon.
struct Mean {
  double semi_major, eccentricity, perigee, node, longitude_in_orbit;
  Tilt tilt;
  OrbitState state = OrbitState::fine;
};

double minutes_since_epoch(const Sgp4& s, catalog::UtcTime at) {
  return static_cast<double>((at - s.epoch).ns) / 6e10;
}

/// Secular gravity and drag near the earth.
Mean near_earth(const Sgp4& s, double t) {
  const double t2 = t * t, t3 = t2 * t, t4 = t3 * t;
  const double anomaly = s.mean_anomaly + s.anomaly_rate * t;
  const double perigee = s.perigee + s.perigee_rate * t;
  const double turned = s.perigee_drag * t +
                        s.anomaly_drag * (cube(1 + s.eta * cos(anomaly)) - s.anomaly_drag_offset);
  const double shrunk = 1 - s.drag[0] * t - s.drag[1] * t2 - s.drag[2] * t3 - s.drag[3] * t4;
  const double e = s.eccentricity - s.eccentricity_drag * t -
                   s.eccentricity_periodic_drag * (sin(anomaly + turned) - s.sin_anomaly);
  const double ahead = s.longitude_drag[0] * t2 + s.longitude_drag[1] * t3 +
                       t4 * (s.longitude_drag[2] + t * s.longitude_drag[3]);
  return {s.semi_major * square(shrunk), e, perigee - turned,
          s.node + s.node_rate * t + s.node_drag * t2,
          // What drag takes from the perigee it gives to the anomaly; their sum does not see it.
          anomaly + perigee + s.mean_motion * ahead, s.tilt};
}

/// The paper's floor; below it the perigee has no meaning.
double floored(double eccentricity) {
  return eccentricity < 1e-6 ? 1e-6 : eccentricity;
}

bool possible(double eccentricity) {
  return eccentricity < 1 && eccentricity >= -0.001;
}

/// The same in deep space, where of drag only the linear terms are left.
Mean in_deep_space(const Sgp4& s, double t) {
  OsculatingElements o{s.mean_motion,
                       s.eccentricity,
                       s.tilt.inclination,
                       s.node + s.node_rate * t + s.node_drag * t * t,
                       s.perigee + s.perigee_rate * t,
                       s.mean_anomaly + s.anomaly_rate * t};
  add_secular(*s.deep, t, o);
  Mean mean{};
  if (!(o.mean_motion > 0)) return mean.state = OrbitState::bad_mean_motion, mean;
  mean.semi_major = semi_major_axis(s.gravity, o.mean_motion) * square(1 - s.drag[0] * t);
  o.eccentricity -= s.eccentricity_drag * t;
  if (!possible(o.eccentricity)) return mean.state = OrbitState::bad_eccentricity, mean;
  o.eccentricity = floored(o.eccentricity);
  o.mean_anomaly += s.mean_motion * s.longitude_drag[0] * t * t;
  add_periodic(*s.deep, t, o);
  if (o.inclination < 0) {
    o.inclination = -o.inclination;
    o.node += dmath::pi;
    o.perigee -= dmath::pi;
  }
  if (!(o.eccentricity >= 0 && o.eccentricity <= 1))
    return mean.state = OrbitState::bad_perturbed_eccentricity, mean;
  return {mean.semi_major,
          o.eccentricity,
          o.perigee,
          o.node,
          o.mean_anomaly + o.perigee,
          tilt_of(o.inclination, s.gravity)};
}

Mean mean_at(const Sgp4& s, double t) {
  if (s.deep) return in_deep_space(s, t);
  Mean mean = near_earth(s, t);
  if (!possible(mean.eccentricity)) mean.state = OrbitState::bad_eccentricity;
  mean.eccentricity = floored(mean.eccentricity);
  return mean;
}

/// Kepler's equation in a_x = e cos w and a_y = e sin w with the long-period terms of J3 (paper,
/// appendix): the eccentric longitude's sine and cosine.
struct Eccentric {
  double ax, ay, sin_e, cos_e;
};

Eccentric solve_kepler(const Mean& mean) {
  const double e = mean.eccentricity;
  const double p_1 = 1 / (mean.semi_major * (1 - e * e));
  const auto [sin_w, cos_w] = dmath::sincos(mean.perigee);
  const double ax = e * cos_w, ay = e * sin_w + p_1 * mean.tilt.long_period_axis;
  const double u =
      dmath::wrap_angle(mean.longitude_in_orbit + p_1 * mean.tilt.long_period_longitude * ax);
  Eccentric solved{ax, ay, 0, 0};
  double longitude = u;
  // Newton's method, with the paper's bounds: ten steps, none longer than 0.95.
  for (int step = 0; step < 10; ++step) {
    const auto [sine, cosine] = dmath::sincos(longitude);
    solved.sin_e = sine, solved.cos_e = cosine;
    double change = (u - ay * cosine + ax * sine - longitude) / (1 - cosine * ax - sine * ay);
    if (std::fabs(change) >= 0.95) change = change > 0 ? 0.95 : -0.95;
    longitude += change;
    if (std::fabs(change) < 1e-12) break;
  }
  return solved;
}

/// Position and velocity in the orbit's plane: radius, its rate, the rate across, and the argument
/// of latitude with its double's sine and cosine.
struct InPlane {
  double r, r_rate, across_rate, latitude, sin_2u, cos_2u, p_1;
};

InPlane in_plane(double a, const Eccentric& k, double p) {
  const double e_cos = k.ax * k.cos_e + k.ay * k.sin_e, e_sin = k.ax * k.sin_e - k.ay * k.cos_e;
  const double r = a * (1 - e_cos), beta = std::sqrt(1 - (k.ax * k.ax + k.ay * k.ay));
  const double shift = e_sin / (1 + beta);
  const double sin_u = a / r * (k.sin_e - k.ay - k.ax * shift);
  const double cos_u = a / r * (k.cos_e - k.ax + k.ay * shift);
  return {r,
          std::sqrt(a) * e_sin / r,
          std::sqrt(p) / r,
          dmath::atan2(sin_u, cos_u),
          (cos_u + cos_u) * sin_u,
          1 - 2 * sin_u * sin_u,
          1 / p};
}

/// Adds the short-period terms of J2 and turns the plane into the frame.
TemeState to_frame(const Gravity& g, const Mean& mean, const InPlane& q) {
  const Tilt& tilt = mean.tilt;
  const double t1 = 0.5 * g.j2 * q.p_1, t2 = t1 * q.p_1, a = mean.semi_major;
  const double n = g.ke / (a * std::sqrt(a)), beta = std::sqrt(1 / q.p_1 / a);
  const double r =
      q.r * (1 - 1.5 * t2 * beta * tilt.three_cos2_less_1) + 0.5 * t1 * tilt.sin2 * q.cos_2u;
  const double u = q.latitude - 0.25 * t2 * tilt.seven_cos2_less_1 * q.sin_2u;
  const double node = mean.node + 1.5 * t2 * tilt.cos * q.sin_2u;
  const double inclination = tilt.inclination + 1.5 * t2 * tilt.cos * tilt.sin * q.cos_2u;
  const double r_rate = q.r_rate - n * t1 * tilt.sin2 * q.sin_2u / g.ke;
  const double across_rate =
      q.across_rate + n * t1 * (tilt.sin2 * q.cos_2u + 1.5 * tilt.three_cos2_less_1) / g.ke;
  const auto [sin_u, cos_u] = dmath::sincos(u);
  const auto [sin_node, cos_node] = dmath::sincos(node);
  const auto [sin_i, cos_i] = dmath::sincos(inclination);
  const Vec3 toward_node{cos_node, sin_node, 0};
  const Vec3 ahead{-sin_node * cos_i, cos_node * cos_i, sin_i};
  const Vec3 out = cos_u * toward_node + sin_u * ahead;
  const Vec3 across = cos_u * ahead - sin_u * toward_node;
  const double km_s = g.radius_km * g.ke / 60;
  return {(r * g.radius_km) * out, (r_rate * km_s) * out + (across_rate * km_s) * across,
          r >= 1 ? OrbitState::fine : OrbitState::decayed};
}

DeepSpace deep_space_of(const Sgp4& s) {
  return deep_space(
      s.epoch,
      {s.mean_motion, s.eccentricity, s.tilt.inclination, s.node, s.perigee, s.mean_anomaly},
      {s.anomaly_rate, s.perigee_rate, s.node_rate, s.gravity.ke});
}

}  // namespace

Result<Sgp4> prepare(const MeanElements& elements, const Gravity& gravity) {
  if (!(elements.mean_motion > 0) || !(elements.eccentricity >= 0 && elements.eccentricity < 1))
    return Error{Errc::invalid, "orbit with mean motion " + std::to_string(elements.mean_motion) +
                                    " and eccentricity " + std::to_string(elements.eccentricity) +
                                    ", want > 0 and in [0, 1)"};
  Sgp4 s = geometry_of(elements, gravity);
  set_secular_rates(s);
  const Drag drag = drag_of(s, elements.bstar);
  set_linear_drag(s, drag, elements.bstar);
  const double lowest_full_perigee = 220 / gravity.radius_km + 1;
  constexpr double deep_space_period = 225;
  if (2 * dmath::pi / s.mean_motion >= deep_space_period)
    s.deep = deep_space_of(s);
  else if (s.semi_major * (1 - s.eccentricity) >= lowest_full_perigee)
    set_higher_drag(s, drag, elements.bstar);
  if (propagate(s, 0.0).state != OrbitState::fine)
    return Error{Errc::invalid, "orbit that is below the ground at its epoch, want one above"};
  return s;
}

TemeState propagate(const Sgp4& s, double minutes) {
  if (!(std::fabs(minutes) <= minutes_max)) return {{}, {}, OrbitState::too_far};
  const Mean mean = mean_at(s, minutes);
  if (mean.state != OrbitState::fine) return {{}, {}, mean.state};
  const Eccentric eccentric = solve_kepler(mean);
  const double p = mean.semi_major * (1 - (square(eccentric.ax) + square(eccentric.ay)));
  if (!(p >= 0)) return {{}, {}, OrbitState::bad_semi_latus_rectum};
  return to_frame(s.gravity, mean, in_plane(mean.semi_major, eccentric, p));
}

TemeState propagate(const Sgp4& satellite, catalog::UtcTime at) {
  return propagate(satellite, minutes_since_epoch(satellite, at));
}

MeanPlace mean_place(const Sgp4& satellite, catalog::UtcTime at) {
  const Mean mean = mean_at(satellite, minutes_since_epoch(satellite, at));
  return {mean.semi_major * satellite.gravity.radius_km, mean.node, mean.longitude_in_orbit};
}

}  // namespace axs::orbit
