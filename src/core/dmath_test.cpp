#include "axs/core/dmath.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "axs/core/rng.h"

using namespace axs;

namespace {

/// |got - want| in units in the last place of `want`, which libm gives in long double.
double ulps(double got, long double want) {
  const double nearest = static_cast<double>(want);
  if (got == nearest) return 0;
  int exponent = 0;
  std::frexp(nearest, &exponent);
  const long double ulp = std::ldexp(1.0L, std::max(exponent - 53, -1074));
  return static_cast<double>(std::fabs(got - want) / ulp);
}

using Oracle = long double (*)(long double);

struct Sweep {
  double from;
  double to;
  int points = 100'000;
};

/// The worst error over evenly spread points and as many random ones.
double worst(double (*ours)(double), Oracle oracle, Sweep sweep) {
  Rng rng{7};
  double error = 0;
  for (int i = 0; i < sweep.points; ++i) {
    for (const double share : {i / (sweep.points - 1.0), rng.uniform()}) {
      const double x = sweep.from + (sweep.to - sweep.from) * share;
      error = std::max(error, ulps(ours(x), oracle(x)));
    }
  }
  return error;
}

/// A positive number whose exponent is uniform over [-e, e].
double any_scale(Rng& rng, int e) {
  const double mantissa = 1 + rng.uniform();
  return std::ldexp(mantissa, static_cast<int>(rng.below(2 * static_cast<unsigned>(e))) - e);
}

}  // namespace

TEST_CASE("dmath: sine and cosine") {
  for (const Sweep sweep : {Sweep{-1, 1}, {-7, 7}, {-1000, 1000}, {-1.6e6, 1.6e6}}) {
    CHECK(worst(dmath::sin, [](long double x) { return std::sin(x); }, sweep) <= 1);
    CHECK(worst(dmath::cos, [](long double x) { return std::cos(x); }, sweep) <= 1);
  }
}

TEST_CASE("dmath: sine and cosine beside multiples of pi/2, where reduction cancels") {
  double error = 0;
  for (int n = -1'000'000; n <= 1'000'000; n += 7) {
    const double x = n * (dmath::pi / 2);
    for (const double near : {std::nextafter(x, -1e9), x, std::nextafter(x, 1e9)}) {
      const auto [s, c] = dmath::sincos(near);
      error = std::max({error, ulps(s, std::sin(static_cast<long double>(near))),
                        ulps(c, std::cos(static_cast<long double>(near)))});
    }
  }
  CHECK(error <= 1);
}

TEST_CASE("dmath: angles wrapped") {
  Rng rng{3};
  for (int i = 0; i < 100'000; ++i) {
    const double x = (rng.uniform() - 0.5) * 3.2e6;
    const double wrapped = dmath::wrap_angle(x);
    const long double want = std::remainder(static_cast<long double>(x), 2 * std::acos(-1.0L));
    const double bound = 1e-16 * std::fabs(x) / dmath::pi + 4e-16;
    REQUIRE(std::fabs(wrapped) <= dmath::pi + bound);
    // Both ends of the circle are the same angle.
    const double off = static_cast<double>(std::fabs(wrapped - want));
    REQUIRE(std::min(off, std::fabs(off - 2 * dmath::pi)) <= bound);
  }
}

TEST_CASE("dmath: inverse functions") {
  CHECK(worst(dmath::asin, [](long double x) { return std::asin(x); }, {-1, 1}) <= 3);
  CHECK(worst(dmath::acos, [](long double x) { return std::acos(x); }, {-1, 1}) <= 3);
  CHECK(worst(dmath::acos, [](long double x) { return std::acos(x); }, {0.999999, 1}) <= 3);
  Rng rng{5};
  double error = 0;
  for (int i = 0; i < 300'000; ++i) {
    const int scales = i % 2 == 0 ? 2 : 300;
    const double y = any_scale(rng, scales) * (rng.chance(0.5) ? 1 : -1);
    const double x = any_scale(rng, scales) * (rng.chance(0.5) ? 1 : -1);
    error = std::max(error, ulps(dmath::atan2(y, x), std::atan2(static_cast<long double>(y),
                                                                static_cast<long double>(x))));
  }
  CHECK(error <= 2);
}

TEST_CASE("dmath: exponential, logarithm, cube root") {
  for (const Sweep sweep : {Sweep{-1, 1}, {-700, 709.7}, {-745, -700}})
    CHECK(worst(dmath::exp, [](long double x) { return std::exp(x); }, sweep) <= 1);
  for (const Sweep sweep : {Sweep{0.5, 2}, {1e-9, 1000}, {1e-320, 1e-307}})
    CHECK(worst(dmath::log, [](long double x) { return std::log(x); }, sweep) <= 1);
  for (const Sweep sweep : {Sweep{-8, 8}, {1e-320, 1e-307}, {-1e300, 1e300}})
    CHECK(worst(dmath::cbrt, [](long double x) { return std::cbrt(x); }, sweep) <= 1);
  Rng rng{9};
  double error = 0;
  for (int i = 0; i < 300'000; ++i) {
    const double x = any_scale(rng, 1000);
    error = std::max({error, ulps(dmath::log(x), std::log(static_cast<long double>(x))),
                      ulps(dmath::cbrt(x), std::cbrt(static_cast<long double>(x)))});
  }
  CHECK(error <= 1);
}

TEST_CASE("dmath: powers") {
  Rng rng{11};
  double error = 0;
  for (int i = 0; i < 300'000; ++i) {
    const double x = any_scale(rng, i % 2 == 0 ? 1 : 1000);
    const double y = (rng.uniform() - 0.5) * 1400 / std::max(0.01, std::fabs(std::log2(x)));
    const long double want = std::pow(static_cast<long double>(x), static_cast<long double>(y));
    error = std::max(error, ulps(dmath::pow(x, y), want));
  }
  CHECK(error <= 1);
  CHECK(dmath::pow(2, 10) == 1024);
  CHECK(dmath::pow(10, -2) == 0.01);
}

TEST_CASE("dmath: special values") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(dmath::sin(0.0) == 0.0);
  CHECK(std::signbit(dmath::sin(-0.0)));
  CHECK(dmath::cos(0.0) == 1.0);
  for (const double x : {nan, inf, -inf, 1.7e6}) CHECK(std::isnan(dmath::sin(x)));
  CHECK(dmath::atan2(0, 0) == 0);
  CHECK(dmath::atan2(0, -1) == dmath::pi);
  CHECK(dmath::atan2(-1, 0) == -dmath::pi / 2);
  CHECK(std::isnan(dmath::atan2(nan, 1)));
  CHECK(std::isnan(dmath::atan2(1, nan)));
  for (const double x : {1.1, -1.1, nan}) CHECK(std::isnan(dmath::asin(x)));
  for (const double x : {1.1, -1.1, nan}) CHECK(std::isnan(dmath::acos(x)));
  CHECK(dmath::exp(0) == 1);
  CHECK(dmath::exp(-inf) == 0);
  CHECK(dmath::exp(inf) == inf);
  CHECK(dmath::exp(710) == inf);
  CHECK(std::isnan(dmath::exp(nan)));
  CHECK(dmath::log(1) == 0);
  CHECK(dmath::log(0) == -inf);
  CHECK(dmath::log(inf) == inf);
  CHECK(std::isnan(dmath::log(-1)));
  CHECK(std::isnan(dmath::log(nan)));
  CHECK(dmath::pow(0, 0) == 1);
  CHECK(dmath::pow(0, 2) == 0);
  CHECK(dmath::pow(0, -2) == inf);
  CHECK(dmath::pow(inf, -1) == 0);
  CHECK(dmath::pow(inf, 1) == inf);
  CHECK(dmath::pow(2, 1e300) == inf);
  CHECK(dmath::pow(0.5, inf) == 0);
  CHECK(std::isnan(dmath::pow(-1, 2)));
  CHECK(std::isnan(dmath::pow(2, nan)));
  CHECK(dmath::cbrt(27) == 3);
  CHECK(dmath::cbrt(-8) == -2);
  CHECK(std::isnan(dmath::cbrt(nan)));
}

TEST_CASE("dmath: identities hold for any angle") {
  CHECK(rc::check([] {
    const double x = *rc::gen::inRange(-1'600'000'000, 1'600'000'000) * 1e-3;
    const auto [s, c] = dmath::sincos(x);
    RC_ASSERT(std::fabs(s * s + c * c - 1) < 1e-15);
    RC_ASSERT(dmath::sin(-x) == -s);
    RC_ASSERT(dmath::cos(-x) == c);
    const double back = dmath::atan2(s, c);
    RC_ASSERT(std::fabs(dmath::sin(back) - s) < 1e-15);
  }));
}
