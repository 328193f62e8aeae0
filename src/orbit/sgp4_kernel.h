#pragma once

#include <cstddef>
#include <cstdint>

#include "axs/core/pack.h"

/// SGP4 for many near-earth satellites at once, on nearly circular orbits: the formulas of
/// sgp4.cpp, written so that they need no division, no square root and no branch. What is small
/// there, the eccentricity, what drag has done since the epoch, the periodic terms, is small here
/// by rule: a lane that breaks the rule is told and left to sgp4.cpp. Included by one file per
/// vector width.
namespace axs::orbit {

inline constexpr std::size_t block_lanes = 16;

/// Sixteen satellites, field by field; as in Sgp4, or made from it.
struct alignas(64) Sgp4Block {
  double epoch_day[block_lanes], epoch_minute[block_lanes];  ///< Of the satellite's epoch.
  double mean_anomaly[block_lanes], anomaly_rate[block_lanes];
  double perigee[block_lanes], perigee_rate[block_lanes];
  double node[block_lanes], node_rate[block_lanes], node_drag[block_lanes];
  double perigee_drag[block_lanes], anomaly_drag[block_lanes];
  double eta[block_lanes], anomaly_drag_offset[block_lanes];
  double eccentricity[block_lanes], eccentricity_drag[block_lanes];
  double eccentricity_periodic_drag[block_lanes], sin_anomaly[block_lanes];
  double drag[4][block_lanes], longitude_drag[4][block_lanes];
  double mean_motion[block_lanes], semi_major[block_lanes];
  double inverse_semi_major[block_lanes], inverse_root_semi_major[block_lanes];
  double long_period_axis[block_lanes], long_period_longitude[block_lanes];
  double sin_inclination[block_lanes], cos_inclination[block_lanes];
  // The short-period terms of J2, with all that does not depend on time.
  double latitude_term[block_lanes];     ///< -J2/8 (7 cos2 i - 1)
  double node_term[block_lanes];         ///< 3/4 J2 cos i
  double inclination_term[block_lanes];  ///< 3/4 J2 cos i sin i
  double radius_term[block_lanes];       ///< 3/4 J2 (3 cos2 i - 1)
  double rate_term[block_lanes];         ///< 1/2 J2 sin2 i
};

/// Their states in TEME, kilometres and kilometres per second.
struct alignas(64) TemeBlock {
  double x[block_lanes], y[block_lanes], z[block_lanes];
  double vx[block_lanes], vy[block_lanes], vz[block_lanes];
};

struct Sgp4Run {
  const Sgp4Block* blocks;
  std::size_t count;
  double day, minute;      ///< The time: whole days of UTC since 1970, and minutes of the day.
  double minutes_max;      ///< From the epoch; what is farther breaks the rule.
  double earth_radius_km;  ///< One earth radius.
  double speed_km_s;       ///< One earth radius per 1/ke minutes.
  TemeBlock* states;
  std::uint16_t* broken;  ///< For each block a bit per lane that breaks the rule.
};

void sgp4_scalar(const Sgp4Run& run);
void sgp4_avx2(const Sgp4Run& run);
void sgp4_avx512(const Sgp4Run& run);

namespace sgp4_kernel {

/// What the series below are good for: what they leave moves no satellite by a micrometre.
inline constexpr double eccentricity_max = 0.02;
inline constexpr double shrunk_max = 0.02;
inline constexpr double turned_max = 0.35;
inline constexpr double angle_max = 1e6;

/// 1 / (1 - x) for |x| <= 0.022: a series and one step of Newton's method.
template <class P>
[[gnu::always_inline]] inline P inverse_of_one_less(P x) {
  const P one{1.0};
  const P y = fma(x, fma(x, fma(x, x + one, one), one), one);
  return fma(y, fma(x, y, one - y), y);
}

/// 1 / (1 - x) for 0 <= x <= 5e-4.
template <class P>
[[gnu::always_inline]] inline P inverse_of_nearly_one(P x) {
  const P one{1.0};
  return fma(x, fma(x, fma(x, fma(x, x + one, one), one), one), one);
}

/// Sine and cosine for |x| <= 0.35, within 1e-11; for |x| <= 0.05 within 2^-52.
template <class P>
[[gnu::always_inline]] inline PackSinCos<P> sincos_of_small(P x) {
  const P z = x * x;
  P s = fma(z, P{1.0 / 362880}, P{-1.0 / 5040});
  P c = fma(z, P{1.0 / 40320}, P{-1.0 / 720});
  s = fma(z, fma(z, s, P{1.0 / 120}), P{-1.0 / 6});
  c = fma(z, fma(z, c, P{1.0 / 24}), P{-0.5});
  return {fma(x * z, s, x), fma(z, c, P{1.0})};
}

/// Sine and cosine for |x| <= 1e-3, within 5e-14.
template <class P>
[[gnu::always_inline]] inline PackSinCos<P> sincos_of_tiny(P x) {
  const P z = x * x;
  return {fma(x * z, P{-1.0 / 6}, x), fma(z, P{-0.5}, P{1.0})};
}

/// Those of the sum of two angles.
template <class P>
[[gnu::always_inline]] inline PackSinCos<P> sum(PackSinCos<P> a, PackSinCos<P> b) {
  return {fma(a.sin, b.cos, a.cos * b.sin), fms(a.cos, b.cos, a.sin * b.sin)};
}

template <class P>
struct MeanOrbit {
  P eccentricity, node, longitude;
  PackSinCos<P> perigee;
  P shrunk, inverse_shrunk;
  unsigned within_rule;
};

/// Secular gravity and drag.
template <class P>
[[gnu::always_inline]] inline MeanOrbit<P> mean_orbit(const Sgp4Block& s, std::size_t lane,
                                                      const Sgp4Run& run) {
  const auto at = [lane](const double* field) { return P::load(field + lane); };
  const P one{1.0};
  // Whole days differ exactly, so t is as good as if it came from nanoseconds.
  const P days = P{run.day} - at(s.epoch_day);
  const P t = fma(days, P{1440.0}, P{run.minute} - at(s.epoch_minute)), t2 = t * t;
  const P anomaly = fma(at(s.anomaly_rate), t, at(s.mean_anomaly));
  const P perigee = fma(at(s.perigee_rate), t, at(s.perigee));
  const PackSinCos<P> of_anomaly = sincos(anomaly), of_perigee = sincos(perigee);
  const P cube_root = fma(at(s.eta), of_anomaly.cos, one);
  const P swing = fms(cube_root * cube_root, cube_root, at(s.anomaly_drag_offset));
  const P turned = fma(at(s.anomaly_drag), swing, at(s.perigee_drag) * t);
  const P lost =
      t * fma(t, fma(t, fma(t, at(s.drag[3]), at(s.drag[2])), at(s.drag[1])), at(s.drag[0]));
  const P sin_change = sum(of_anomaly, sincos_of_small(turned)).sin - at(s.sin_anomaly);
  const P e = fnma(at(s.eccentricity_periodic_drag), sin_change,
                   fnma(at(s.eccentricity_drag), t, at(s.eccentricity)));
  const P ahead = fma(
      t, fma(t, fma(t, at(s.longitude_drag[3]), at(s.longitude_drag[2])), at(s.longitude_drag[1])),
      at(s.longitude_drag[0]));
  const P longitude = fma(at(s.mean_motion), t2 * ahead, anomaly + perigee);
  const P node = fma(at(s.node_drag), t2, fma(at(s.node_rate), t, at(s.node)));
  unsigned rule = within(e, P{-0.001}, P{eccentricity_max});
  rule &= within(t, P{-run.minutes_max}, P{run.minutes_max});
  rule &= within(lost, P{-shrunk_max}, P{shrunk_max});
  rule &= within(turned, P{-turned_max}, P{turned_max});
  rule &= within(longitude, P{-angle_max}, P{angle_max});
  rule &= within(anomaly, P{-angle_max}, P{angle_max});
  return {max(e, P{1e-6}),
          node,
          longitude,
          sum(of_perigee, sincos_of_small(P{0.0} - turned)),
          one - lost,
          inverse_of_one_less(lost),
          rule};
}

/// The true position in the orbit's plane.
template <class P>
struct InPlane {
  P e_sin, inverse_share;  ///< e sin E; 1 / (1 - e cos E).
  P share;                 ///< 1 - e cos E
  P beta;                  ///< Square root of 1 - e^2.
  P inverse_beta2;         ///< 1 / (1 - e^2)
  PackSinCos<P> latitude;  ///< Argument of latitude.
};

/// Kepler's equation for E = U + d: with p = e sin and q = e cos of the mean anomaly U less the
/// perigee, d = p cos d + q sin d. The series leaves 4 e^4, one step of Newton's method 1e-16.
template <class P>
[[gnu::always_inline]] inline InPlane<P> solve_kepler(P ax, P ay, PackSinCos<P> u) {
  const P one{1.0};
  const P p = fms(ax, u.sin, ay * u.cos), q = fma(ax, u.cos, ay * u.sin);
  const P d0 = p * fma(q, one + q, fma(p * p, P{-0.5}, one));
  const PackSinCos<P> near = sincos_of_small(d0);
  const P error = fnma(q, near.sin, fnma(p, near.cos, d0));
  const P y = fms(q, near.cos, p * near.sin);
  const P step = error * fma(y, fma(y, fma(y, y + one, one), one), one);
  const P d = d0 - step;
  const PackSinCos<P> turn = sum(near, sincos_of_tiny(P{0.0} - step));
  const P e_cos = fms(q, turn.cos, p * turn.sin);
  const PackSinCos<P> eccentric = sum(u, turn);
  const P e2 = fma(ax, ax, ay * ay);
  // beta = 1 - e2/2 - e2^2/8 ..., and 1 / (1 + beta) by its own series.
  const P beta =
      fma(e2, fma(e2, fma(e2, fma(e2, P{-5.0 / 128}, P{-1.0 / 16}), P{-0.125}), P{-0.5}), one);
  const P half =
      fma(e2, fma(e2, fma(e2, fma(e2, P{7.0 / 256}, P{5.0 / 128}), P{1.0 / 16}), P{0.125}), P{0.5});
  const P inverse_share = inverse_of_one_less(e_cos), shift = d * half;
  const P sin_u = inverse_share * (eccentric.sin - fma(ax, shift, ay));
  const P cos_u = inverse_share * (eccentric.cos - fnma(ay, shift, ax));
  return {d, inverse_share, one - e_cos, beta, inverse_of_nearly_one(e2), {sin_u, cos_u}};
}

/// One pack of satellites; a bit for each that keeps the rule.
template <class P>
[[gnu::always_inline]] inline unsigned propagate(const Sgp4Run& run, std::size_t block,
                                                 std::size_t lane) {
  const Sgp4Block& s = run.blocks[block];
  const auto at = [lane](const double* field) { return P::load(field + lane); };
  const MeanOrbit<P> mean = mean_orbit<P>(s, lane, run);
  const P e = mean.eccentricity,
          inverse_a = at(s.inverse_semi_major) * mean.inverse_shrunk * mean.inverse_shrunk;
  const P inverse_root_a = at(s.inverse_root_semi_major) * mean.inverse_shrunk;
  const P long_period = inverse_a * inverse_of_nearly_one(e * e);
  const P ax = e * mean.perigee.cos;
  const P ay = fma(long_period, at(s.long_period_axis), e * mean.perigee.sin);
  const P u = fma(long_period * at(s.long_period_longitude), ax, mean.longitude);
  const InPlane<P> plane = solve_kepler(ax, ay, sincos(u));

  const P g = inverse_a * plane.inverse_beta2, g2 = g * g;  // 1/p
  const PackSinCos<P> lat = plane.latitude;
  const P sin_2u = (lat.cos + lat.cos) * lat.sin;
  const P cos_2u = fnma(lat.sin + lat.sin, lat.sin, P{1.0});
  const P radius_term = at(s.radius_term), rate_term = at(s.rate_term);
  const P axis = at(s.semi_major) * mean.shrunk * mean.shrunk;
  const P r = fma(axis * plane.share, fnma(g2 * plane.beta, radius_term, P{1.0}),
                  P{0.5} * rate_term * (g * cos_2u));
  const PackSinCos<P> true_lat = sum(lat, sincos_of_tiny(g2 * at(s.latitude_term) * sin_2u));
  const PackSinCos<P> node = sum(sincos(mean.node), sincos_of_tiny(g2 * at(s.node_term) * sin_2u));
  const PackSinCos<P> tilt = sum(PackSinCos<P>{at(s.sin_inclination), at(s.cos_inclination)},
                                 sincos_of_tiny(g2 * at(s.inclination_term) * cos_2u));
  const P speed = inverse_root_a * plane.inverse_share;
  const P h = inverse_a * inverse_root_a * g;
  const P r_rate = fnma(h * rate_term, sin_2u, speed * plane.e_sin);
  const P across_rate = fma(h, fma(rate_term, cos_2u, radius_term), speed * plane.beta);

  const P behind_x = node.sin * tilt.cos, ahead_y = node.cos * tilt.cos;
  const P out_x = fms(true_lat.cos, node.cos, true_lat.sin * behind_x);
  const P out_y = fma(true_lat.cos, node.sin, true_lat.sin * ahead_y);
  const P out_z = true_lat.sin * tilt.sin;
  const P back_x = fma(true_lat.cos, behind_x, true_lat.sin * node.cos);
  const P across_y = fms(true_lat.cos, ahead_y, true_lat.sin * node.sin);
  const P across_z = true_lat.cos * tilt.sin;
  const P km = P{run.earth_radius_km} * r, km_s{run.speed_km_s};
  const P rise = km_s * r_rate, go = km_s * across_rate;
  TemeBlock& state = run.states[block];
  (km * out_x).store(state.x + lane);
  (km * out_y).store(state.y + lane);
  (km * out_z).store(state.z + lane);
  fms(rise, out_x, go * back_x).store(state.vx + lane);
  fma(rise, out_y, go * across_y).store(state.vy + lane);
  fma(rise, out_z, go * across_z).store(state.vz + lane);
  return mean.within_rule & within(r, P{1.0}, P{10.0});
}

template <class P>
void run_all(const Sgp4Run& run) {
  for (std::size_t block = 0; block < run.count; ++block) {
    unsigned fine = 0;
    for (std::size_t lane = 0; lane < block_lanes; lane += P::width)
      fine |= propagate<P>(run, block, lane) << lane;
    run.broken[block] = static_cast<std::uint16_t>(~fine);
  }
}

}  // namespace sgp4_kernel

}  // namespace axs::orbit
