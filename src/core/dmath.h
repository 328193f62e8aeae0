#pragma once

/// Elementary functions whose bits depend on nothing but their argument: libm's differ from one
/// machine to the next, and the digest of a twin run must not. Additions, multiplications,
/// divisions and square roots in a fixed order, and almost no branches, so that a SIMD variant can
/// give the same bits. All expect the rounding mode "to nearest" and double arithmetic that is not
/// contracted (-ffp-contract=off).
///
/// The errors below are in units in the last place of the true value; dmath_test.cpp measures them.
namespace axs::dmath {

inline constexpr double pi = 3.14159265358979323846;

struct SinCos {
  double sin;
  double cos;
};

/// Sine and cosine of x radians, each within 1 ulp for |x| <= 1.6e6; NaN beyond, where no angle of
/// ours is and where a longer reduction would be needed.
SinCos sincos(double x);
double sin(double x);
double cos(double x);

/// x minus the nearest multiple of 2 pi, for |x| <= 1.6e6: in [-pi, pi] up to rounding, wrong by at
/// most 1e-16 |x| / pi + 4e-16 radians.
double wrap_angle(double x);

/// The angle of (x, y) in [-pi, pi], within 2 ulp, for |x|, |y| either 0 or in [1e-300, 1e300]; 0
/// if both are zero. A negative zero counts as zero.
double atan2(double y, double x);
/// Within 3 ulp; NaN outside [-1, 1].
double asin(double x);
/// Within 3 ulp; NaN outside [-1, 1].
double acos(double x);

/// Within 1 ulp; 0 below -745.2 and infinite above 709.8.
double exp(double x);
/// Natural logarithm, within 1 ulp; -infinity at 0, NaN below.
double log(double x);
/// x to the power y for x >= 0, within 1 ulp; NaN for a negative x. 0^0 = 1.
double pow(double x, double y);
/// The real cube root, within 1 ulp.
double cbrt(double x);

}  // namespace axs::dmath
