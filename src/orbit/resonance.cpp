#include "axs/orbit/resonance.h"

#include <cmath>
#include <span>

#include "axs/core/dmath.h"

// Letters as in the theory: F(i) and G(e) of Kaula's expansion by their indices, Q the harmonics.
namespace axs::orbit {

namespace {

constexpr double earth_turn = 4.37526908801129966e-3;  // Radians per minute.

/// A term: amplitude times the sine of (perigees w + longitudes lambda - phase).
struct Term {
  double perigees, longitudes, phase;
};

constexpr std::array<Term, 3> one_day_terms{
    {{0, 1, 0.13130908}, {0, 2, 2 * 2.8843198}, {0, 3, 3 * 0.37448087}}};

constexpr double g22 = 5.7686396, g32 = 0.95240898, g44 = 1.8014998, g52 = 1.0508330,
                 g54 = 4.4108898;
constexpr std::array<Term, 10> half_day_terms{{{2, 1, g22},
                                               {0, 1, g22},
                                               {1, 1, g32},
                                               {-1, 1, g32},
                                               {2, 2, g44},
                                               {0, 2, g44},
                                               {1, 1, g52},
                                               {-1, 1, g52},
                                               {1, 2, g54},
                                               {-1, 2, g54}}};

std::span<const Term> terms_of(Resonance resonance) {
  if (resonance == Resonance::one_day) return one_day_terms;
  return half_day_terms;
}

Resonance resonance_of(const OsculatingElements& o) {
  if (o.mean_motion > 0.0034906585 && o.mean_motion < 0.0052359877) return Resonance::one_day;
  if (o.mean_motion >= 8.26e-3 && o.mean_motion <= 9.24e-3 && o.eccentricity >= 0.5)
    return Resonance::half_day;
  return Resonance::none;
}

double cubic(double e, const std::array<double, 4>& c) {
  const double e2 = e * e;
  return c[0] + c[1] * e + c[2] * e2 + c[3] * (e * e2);
}

/// G of the half-day terms, fitted in pieces of the eccentricity.
struct EccentricityFunctions {
  double g201, g211, g310, g322, g410, g422, g520, g521, g532, g533;
};

EccentricityFunctions eccentricity_functions(double e) {
  const bool low = e <= 0.65, middle = e <= 0.715, below = e < 0.7;
  EccentricityFunctions g{};
  g.g201 = -0.306 - (e - 0.64) * 0.440;
  g.g211 = cubic(e, low ? std::array{3.616, -13.2470, 16.2900, 0.0}
                        : std::array{-72.099, 331.819, -508.738, 266.724});
  g.g310 = cubic(e, low ? std::array{-19.302, 117.3900, -228.4190, 156.5910}
                        : std::array{-346.844, 1582.851, -2415.925, 1246.113});
  g.g322 = cubic(e, low ? std::array{-18.9068, 109.7927, -214.6334, 146.5816}
                        : std::array{-342.585, 1554.908, -2366.899, 1215.972});
  g.g410 = cubic(e, low ? std::array{-41.122, 242.6940, -471.0940, 313.9530}
                        : std::array{-1052.797, 4758.686, -7193.992, 3651.957});
  g.g422 = cubic(e, low ? std::array{-146.407, 841.8800, -1629.014, 1083.4350}
                        : std::array{-3581.690, 16178.110, -24462.770, 12422.520});
  g.g520 = cubic(e, low      ? std::array{-532.114, 3017.977, -5740.032, 3708.2760}
                    : middle ? std::array{1464.74, -4664.75, 3763.64, 0.0}
                             : std::array{-5149.66, 29936.92, -54087.36, 31324.56});
  g.g533 = cubic(e, below ? std::array{-919.22770, 4988.6100, -9064.7700, 5542.21}
                          : std::array{-37995.780, 161616.52, -229838.20, 109377.94});
  g.g521 = cubic(e, below ? std::array{-822.71072, 4568.6173, -8491.4146, 5337.524}
                          : std::array{-51752.104, 218913.95, -309468.16, 146349.42});
  g.g532 = cubic(e, below ? std::array{-853.66600, 4690.2500, -8624.7700, 5341.4}
                          : std::array{-40023.880, 170470.89, -242699.48, 115605.82});
  return g;
}

/// Per minute squared, in the order of half_day_terms. `aonv` is one over the semi-major axis.
std::array<double, 10> half_day_amplitudes(const OsculatingElements& o, double aonv) {
  const auto [s, c] = dmath::sincos(o.inclination);
  const EccentricityFunctions g = eccentricity_functions(o.eccentricity);
  const double c2 = c * c, s2 = s * s;
  const double f220 = 0.75 * (1 + 2 * c + c2), f221 = 1.5 * s2;
  const double f321 = 1.875 * s * (1 - 2 * c - 3 * c2), f322 = -1.875 * s * (1 + 2 * c - 3 * c2);
  const double f441 = 35 * s2 * f220, f442 = 39.3750 * s2 * s2;
  const double f522 =
      9.84375 * s * (s2 * (1 - 2 * c - 5 * c2) + 0.33333333 * (-2 + 4 * c + 6 * c2));
  const double f523 =
      s * (4.92187512 * s2 * (-2 - 4 * c + 10 * c2) + 6.56250012 * (1 + 2 * c - 3 * c2));
  const double f542 = 29.53125 * s * (2 - 8 * c + c2 * (-12 + 8 * c + 10 * c2));
  const double f543 = 29.53125 * s * (-2 - 8 * c + c2 * (12 + 8 * c - 10 * c2));
  constexpr double q22 = 1.7891679e-6, q32 = 3.7393792e-7, q44 = 7.3636953e-9, q52 = 1.1428639e-7,
                   q54 = 2.1765803e-9;
  const double k2 = 3 * o.mean_motion * o.mean_motion * aonv * aonv, k3 = k2 * aonv;
  const double k4 = k3 * aonv, k5 = k4 * aonv;
  return {k2 * q22 * f220 * g.g201,    k2 * q22 * f221 * g.g211,     k3 * q32 * f321 * g.g310,
          k3 * q32 * f322 * g.g322,    2 * k4 * q44 * f441 * g.g410, 2 * k4 * q44 * f442 * g.g422,
          k5 * q52 * f522 * g.g520,    k5 * q52 * f523 * g.g532,     2 * k5 * q54 * f542 * g.g521,
          2 * k5 * q54 * f543 * g.g533};
}

/// In the order of one_day_terms.
std::array<double, 10> one_day_amplitudes(const OsculatingElements& o, double aonv) {
  const auto [s, c] = dmath::sincos(o.inclination);
  const double e2 = o.eccentricity * o.eccentricity, plus = 1 + c;
  const double g200 = 1 + e2 * (-2.5 + 0.8125 * e2), g310 = 1 + 2 * e2;
  const double g300 = 1 + e2 * (-6 + 6.60937 * e2);
  const double f220 = 0.75 * plus * plus, f330 = 1.875 * plus * plus * plus;
  const double f311 = 0.9375 * s * s * (1 + 3 * c) - 0.75 * plus;
  constexpr double q22 = 1.7891679e-6, q31 = 2.1460748e-6, q33 = 2.2123015e-7;
  const double k = 3 * o.mean_motion * o.mean_motion * aonv * aonv;
  return {k * f311 * g310 * q31 * aonv, 2 * k * f220 * g200 * q22,
          3 * k * f330 * g300 * q33 * aonv};
}

/// Longitude of the resonance and mean motion, and their changes.
struct State {
  double longitude, motion;
};
struct Slope {
  double longitude_rate, motion_rate, motion_acceleration;
};

Slope slope_at(const DeepSpace& deep, const State& at, double minutes) {
  const double perigee = deep.perigee + deep.perigee_rate * minutes;
  double rate = 0, acceleration = 0;
  std::size_t i = 0;
  for (const Term& term : terms_of(deep.resonance)) {
    const auto [sine, cosine] =
        dmath::sincos(term.perigees * perigee + term.longitudes * at.longitude - term.phase);
    rate += deep.amplitudes[i] * sine;
    acceleration += term.longitudes * deep.amplitudes[i++] * cosine;
  }
  const double longitude_rate = at.motion + deep.longitude_rate;
  return {longitude_rate, rate, acceleration * longitude_rate};
}

State advance(const State& from, const Slope& slope, double minutes) {
  const double half_square = minutes * minutes / 2;
  return {from.longitude + slope.longitude_rate * minutes + slope.motion_rate * half_square,
          from.motion + slope.motion_rate * minutes + slope.motion_acceleration * half_square};
}

}  // namespace

void set_resonance(const OsculatingElements& o, const SecularMotion& motion, DeepSpace& deep) {
  deep.resonance = resonance_of(o);
  if (deep.resonance == Resonance::none) return;
  const double third = dmath::cbrt(o.mean_motion / motion.ke), aonv = third * third;
  const SecularRates& rates = deep.rates;
  const double theta = deep.sidereal_time;
  deep.mean_motion = o.mean_motion;
  deep.perigee = o.perigee, deep.perigee_rate = motion.perigee_rate;
  const double anomaly_rate = motion.anomaly_rate + rates.mean_anomaly - o.mean_motion;
  const double node_rate = motion.node_rate + rates.node - earth_turn;
  if (deep.resonance == Resonance::half_day) {
    deep.amplitudes = half_day_amplitudes(o, aonv);
    deep.longitude = dmath::wrap_angle(o.mean_anomaly + 2 * (o.node - theta));
    deep.longitude_rate = anomaly_rate + 2 * node_rate;
  } else {
    deep.amplitudes = one_day_amplitudes(o, aonv);
    deep.longitude = dmath::wrap_angle(o.mean_anomaly + o.node + o.perigee - theta);
    deep.longitude_rate = anomaly_rate + node_rate + motion.perigee_rate + rates.perigee;
  }
}

void add_resonance(const DeepSpace& deep, double minutes, OsculatingElements& o) {
  const double step = minutes > 0 ? 720 : -720;
  State state{deep.longitude, deep.mean_motion};
  double at = 0;
  Slope slope = slope_at(deep, state, at);
  while (std::fabs(minutes - at) >= 720) {
    state = advance(state, slope, step);
    at += step;
    slope = slope_at(deep, state, at);
  }
  state = advance(state, slope, minutes - at);
  o.mean_motion = state.motion;
  const double theta = deep.sidereal_time + minutes * earth_turn;
  o.mean_anomaly = deep.resonance == Resonance::half_day
                       ? state.longitude - 2 * (o.node - theta)
                       : state.longitude - o.node - o.perigee + theta;
}

}  // namespace axs::orbit
