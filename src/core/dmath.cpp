#include "axs/core/dmath.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

// The polynomials are the published minimax coefficients of fdlibm (Sun Microsystems 1993, "Freely
// Distributable LIBM": k_sin, k_cos, s_atan, e_exp, s_cbrt as revised in FreeBSD's msun). The code
// around them is ours. Exact sums and products of two doubles are Knuth's and Dekker's (Dekker, "A
// floating-point technique for extending the available precision", 1971).
namespace axs::dmath {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// A number as an unevaluated sum, |lo| at most half an ulp of hi.
struct Pair {
  double hi;
  double lo;
};

/// a + b exactly, for |a| >= |b| or a = 0.
Pair fast_two_sum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

/// a + b exactly.
Pair two_sum(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  return {sum, (a - (sum - b_part)) + (b - b_part)};
}

/// a * b exactly, barring overflow of 2^27 a and underflow.
Pair two_product(double a, double b) {
  constexpr double split = 0x1p27 + 1;
  const double a_hi = a * split - (a * split - a), a_lo = a - a_hi;
  const double b_hi = b * split - (b * split - b), b_lo = b - b_hi;
  const double product = a * b;
  return {product, ((a_hi * b_hi - product) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo};
}

Pair multiply(Pair a, Pair b) {
  const Pair product = two_product(a.hi, b.hi);
  return fast_two_sum(product.hi, product.lo + (a.hi * b.lo + a.lo * b.hi));
}

Pair add(Pair a, Pair b) {
  const Pair sum = two_sum(a.hi, b.hi);
  return fast_two_sum(sum.hi, sum.lo + (a.lo + b.lo));
}

struct Rounded {
  double value;
  std::int64_t integer;
};

/// The nearest integer to x, for |x| < 2^51: adding 1.5 * 2^52 leaves no bits below the point.
Rounded round_to_integer(double x) {
  constexpr double magic = 0x1.8p52;
  const double shifted = x + magic;
  return {shifted - magic,
          std::bit_cast<std::int64_t>(shifted) - std::bit_cast<std::int64_t>(magic)};
}

constexpr double largest_angle = 1.6e6;

struct Reduced {
  Pair angle;
  std::int64_t quadrant;
};

/// x less the nearest multiple of pi/2 (Cody and Waite): pi/2 in three pieces of 33 bits, so that
/// their products with an integer below 2^20 are exact, and a tail.
Reduced reduce_half_pi(double x) {
  constexpr double two_over_pi = 6.36619772367581382433e-01;
  constexpr double piece1 = 1.57079632673412561417e+00, piece2 = 6.07710050630396597660e-11,
                   piece3 = 2.02226624871116645580e-21, tail = 8.47842766036889956997e-32;
  const Rounded n = round_to_integer(x * two_over_pi);
  const Pair a = two_sum(x - n.value * piece1, -(n.value * piece2));
  const Pair b = two_sum(a.hi, -(n.value * piece3));
  return {fast_two_sum(b.hi, a.lo + b.lo - n.value * tail), n.integer};
}

/// The sine of a reduced angle, |angle| <= pi/4.
double sin_kernel(Pair angle) {
  constexpr double s1 = -1.66666666666666324348e-01, s2 = 8.33333333332248946124e-03,
                   s3 = -1.98412698298579493134e-04, s4 = 2.75573137070700676789e-06,
                   s5 = -2.50507602534068634195e-08, s6 = 1.58969099521155010221e-10;
  const double x = angle.hi, y = angle.lo;
  const double z = x * x, cube = z * x;
  const double rest = s2 + z * (s3 + z * (s4 + z * (s5 + z * s6)));
  return x - ((z * (0.5 * y - cube * rest) - y) - cube * s1);
}

/// The cosine of a reduced angle, |angle| <= pi/4.
double cos_kernel(Pair angle) {
  constexpr double c1 = 4.16666666666666019037e-02, c2 = -1.38888888888741095749e-03,
                   c3 = 2.48015872894767294178e-05, c4 = -2.75573143513906633035e-07,
                   c5 = 2.08757232129817482790e-09, c6 = -1.13596475577881948265e-11;
  const double x = angle.hi, y = angle.lo;
  const double z = x * x;
  const double rest = z * (c1 + z * (c2 + z * (c3 + z * (c4 + z * (c5 + z * c6)))));
  const double half = 0.5 * z, head = 1.0 - half;
  return head + (((1.0 - head) - half) + (z * rest - x * y));
}

/// The series of atan(q)/q - 1 in q, negated, for |q| <= 7/16.
double atan_series(double q) {
  constexpr std::array<double, 11> a{
      3.33333333333329318027e-01,  -1.99999999998764832476e-01, 1.42857142725034663711e-01,
      -1.11111104054623557880e-01, 9.09088713343650656196e-02,  -7.69187620504482999495e-02,
      6.66107313738753120669e-02,  -5.83357013379057348645e-02, 4.97687799461593236017e-02,
      -3.65315727442169155270e-02, 1.62858201153657823623e-02};
  const double z = q * q, w = z * z;
  const double even = z * (a[0] + w * (a[2] + w * (a[4] + w * (a[6] + w * (a[8] + w * a[10])))));
  const double odd = w * (a[1] + w * (a[3] + w * (a[5] + w * (a[7] + w * a[9]))));
  return even + odd;
}

/// 2^k for k in [-1022, 1023].
double power_of_two(std::int64_t k) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52);
}

/// exp(x.hi + x.lo).
double exp_of(Pair x) {
  constexpr double ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;
  constexpr double p1 = 1.66666666666666019037e-01, p2 = -2.77777777770155933842e-03,
                   p3 = 6.61375632143793436117e-05, p4 = -1.65339022054652515390e-06,
                   p5 = 4.13813679705723846039e-08;
  if (!(x.hi <= 709.8)) return x.hi + infinity;
  if (x.hi < -745.2) return 0.0;
  const Rounded k = round_to_integer(x.hi * 1.44269504088896338700);
  const double hi = x.hi - k.value * ln2_hi, lo = k.value * ln2_lo - x.lo;
  const double r = hi - lo, z = r * r;
  const double c = r - z * (p1 + z * (p2 + z * (p3 + z * (p4 + z * p5))));
  const double y = 1.0 - ((lo - (r * c) / (2.0 - c)) - hi);
  // Two factors, since 2^k alone may leave the range of normal numbers.
  const std::int64_t half = k.integer / 2;
  return y * power_of_two(half) * power_of_two(k.integer - half);
}

/// log(x) to about 2^-68 for a finite x > 0: x = 2^k m with m near 1, and log m = 2 atanh(s) with
/// s = (m - 1) / (m + 1), |s| < 0.172; the first terms of its series in pairs of doubles.
Pair log_of(double x) {
  constexpr Pair ln2{6.93147180559945286227e-01, 2.31904681384629955842e-17};
  constexpr Pair third{0x1.5555555555555p-2, 0x1.5555555555555p-56};
  const double scale = x < 0x1p-1022 ? 0x1p54 : 1.0;
  const std::int64_t bits = std::bit_cast<std::int64_t>(x * scale);
  constexpr std::int64_t sqrt_half = 0x3fe6a09e667f3bcd, mantissa = 0x000fffffffffffff;
  const std::int64_t k = (bits - sqrt_half) >> 52;
  const double m = std::bit_cast<double>(bits - k * (mantissa + 1));
  const Pair denominator = two_sum(m, 1.0);
  const double s_hi = (m - 1.0) / denominator.hi;
  const Pair back = two_product(s_hi, denominator.hi);
  const double s_lo = (((m - 1.0) - back.hi) - back.lo - s_hi * denominator.lo) / denominator.hi;
  const Pair s{s_hi, s_lo}, s2 = multiply(s, s);
  const double z = s2.hi;
  double tail = 0;
  for (int n = 23; n >= 5; n -= 2) tail = tail * z + 1.0 / n;
  const Pair coefficient = add(third, {z * tail, s2.lo * tail});
  const Pair cubic = multiply(multiply(s, s2), coefficient);
  const double n = static_cast<double>(k - (scale > 1.0 ? 54 : 0));
  const Pair log_m = add({2 * s.hi, 2 * s.lo}, {2 * cubic.hi, 2 * cubic.lo});
  return add(multiply({n, 0.0}, ln2), log_m);
}

}  // namespace

SinCos sincos(double x) {
  if (!(std::fabs(x) <= largest_angle)) return {nan, nan};
  const Reduced reduced = reduce_half_pi(x);
  const double s = sin_kernel(reduced.angle), c = cos_kernel(reduced.angle);
  const bool odd = (reduced.quadrant & 1) != 0;
  const double sine = odd ? c : s, cosine = odd ? s : c;
  // The reduction makes +0 of -0.
  return {x == 0.0                      ? x
          : (reduced.quadrant & 2) != 0 ? -sine
                                        : sine,
          ((reduced.quadrant + 1) & 2) != 0 ? -cosine : cosine};
}

double sin(double x) {
  return sincos(x).sin;
}

double cos(double x) {
  return sincos(x).cos;
}

double wrap_angle(double x) {
  // 2 pi in two pieces, the first of 33 bits.
  constexpr double piece1 = 4 * 1.57079632673412561417e+00, piece2 = 4 * 6.07710050650619224932e-11;
  const double n = round_to_integer(x * (0.5 / pi)).value;
  return (x - n * piece1) - n * piece2;
}

double atan2(double y, double x) {
  const double across = std::fabs(x), up = std::fabs(y);
  const bool steep = up > across, left = x < 0;
  const double far = steep ? up : across, near = steep ? across : up;
  if (far == 0.0) return 0.0;
  if (!(near <= far)) return nan;
  // near/far is tan of the octant's angle; above tan(pi/8) turn by pi/4 to keep the series short.
  const bool turned = near > 0.41421356237309504880 * far;
  const double q = turned ? (near - far) / (near + far) : near / far;
  const double series = q * atan_series(q);
  // The angle is base + sign * atan(q), base = eighths * pi/4 in two pieces.
  const int octant = turned ? 1 : 0;
  const int eighths = steep ? (left ? 2 + octant : 2 - octant) : (left ? 4 - octant : octant);
  const bool minus = steep != left;
  constexpr double quarter_pi = pi / 4, quarter_pi_lo = 3.06161699786838301793e-17;
  const double base = eighths * quarter_pi, base_lo = eighths * quarter_pi_lo;
  const double signed_q = minus ? -q : q, signed_series = minus ? -series : series;
  const double angle = base - ((signed_series - base_lo) - signed_q);
  return y < 0 ? -angle : angle;
}

double asin(double x) {
  return std::fabs(x) <= 1.0 ? atan2(x, std::sqrt((1.0 - x) * (1.0 + x))) : nan;
}

double acos(double x) {
  return std::fabs(x) <= 1.0 ? atan2(std::sqrt((1.0 - x) * (1.0 + x)), x) : nan;
}

double exp(double x) {
  return exp_of({x, 0.0});
}

double log(double x) {
  if (x == 0.0) return -infinity;
  if (!(x > 0.0)) return nan;
  if (x == infinity) return x;
  const Pair value = log_of(x);
  return value.hi + value.lo;
}

double pow(double x, double y) {
  if (y == 0.0 || x == 1.0) return 1.0;
  if (!(x >= 0.0) || y != y) return nan;
  if (x == 0.0 || x == infinity) return (x == 0.0) == (y > 0.0) ? 0.0 : infinity;
  // Beyond 1e20 any x other than 1 gives 0 or infinity, as 1e20 does.
  const double bounded = y > 1e20 ? 1e20 : y < -1e20 ? -1e20 : y;
  const Pair log_x = log_of(x);
  const Pair product = two_product(log_x.hi, bounded);
  return exp_of({product.hi, product.lo + log_x.lo * bounded});
}

double cbrt(double x) {
  if (x == 0.0 || !(std::fabs(x) < infinity)) return x;
  const double scale = std::fabs(x) < 0x1p-1022 ? 0x1p54 : 1.0;
  const double a = std::fabs(x) * scale;
  // A third of the bit pattern is a third of the exponent: right within 5 %.
  constexpr std::uint64_t third_of_bias = 0x2a9f7893ULL << 32;
  double t = std::bit_cast<double>(std::bit_cast<std::uint64_t>(a) / 3 + third_of_bias);
  const double r = (t * t) * (t / a);
  t *= (1.87595182427177009643 + r * (-1.88497979543377169875 + r * 1.621429720105354466140)) +
       ((r * r) * r) * (-0.758397934778766047437 + r * 0.145996192886612446982);
  // Rounded to 23 bits its square is exact; one Halley step from there is right within 0.67 ulp.
  t = std::bit_cast<double>((std::bit_cast<std::uint64_t>(t) + 0x80000000ULL) &
                            0xffffffffc0000000ULL);
  const double step = (a / (t * t) - t) / ((t + t) + a / (t * t));
  t += t * step;
  return std::copysign(t, x) * (scale > 1.0 ? 0x1p-18 : 1.0);
}

}  // namespace axs::dmath
