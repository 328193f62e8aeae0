#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

/// Packs of doubles: one type per vector width with the same operations, so that a template over
/// them is one algorithm for every processor, with the same bits. `fma` rounds once at every width;
/// nothing else is fused.
///
/// A file that uses a wide pack is compiled for processors that have it. What it shares with other
/// files must therefore be a template over the pack: the linker keeps one copy of an inline
/// function, and that copy may be the one that an older processor cannot run.
namespace axs {

/// One double.
struct Pack1 {
  static constexpr std::size_t width = 1;
  double value;

  Pack1() = default;
  Pack1(double all) : value{all} {}
  static Pack1 load(const double* from) { return *from; }
  void store(double* to) const { *to = value; }

  friend Pack1 operator+(Pack1 a, Pack1 b) { return a.value + b.value; }
  friend Pack1 operator-(Pack1 a, Pack1 b) { return a.value - b.value; }
  friend Pack1 operator*(Pack1 a, Pack1 b) { return a.value * b.value; }
  friend Pack1 operator/(Pack1 a, Pack1 b) { return a.value / b.value; }
  friend Pack1 sqrt(Pack1 a) { return std::sqrt(a.value); }
  /// a * b + c, rounded once.
  friend Pack1 fma(Pack1 a, Pack1 b, Pack1 c) { return std::fma(a.value, b.value, c.value); }
  /// a * b - c and c - a * b, rounded once.
  friend Pack1 fms(Pack1 a, Pack1 b, Pack1 c) { return std::fma(a.value, b.value, -c.value); }
  friend Pack1 fnma(Pack1 a, Pack1 b, Pack1 c) { return std::fma(-a.value, b.value, c.value); }
  friend Pack1 max(Pack1 a, Pack1 b) { return a.value > b.value ? a.value : b.value; }
  friend Pack1 min(Pack1 a, Pack1 b) { return a.value < b.value ? a.value : b.value; }
  /// A bit per lane: whether a < b. False for NaN, as is the next.
  friend unsigned less(Pack1 a, Pack1 b) { return a.value < b.value ? 1U : 0U; }
  /// Likewise: whether low <= a <= high.
  friend unsigned within(Pack1 a, Pack1 low, Pack1 high) {
    return a.value >= low.value && a.value <= high.value ? 1U : 0U;
  }
  /// Where the lowest bit of `bits` is set `b`, else `a`.
  friend Pack1 select_odd(Pack1 bits, Pack1 a, Pack1 b) {
    return (std::bit_cast<std::uint64_t>(bits.value) & 1) != 0 ? b : a;
  }
  /// `a`, negated where the second lowest bit of `bits` is set.
  friend Pack1 negate_by_bit1(Pack1 bits, Pack1 a) {
    const std::uint64_t sign = (std::bit_cast<std::uint64_t>(bits.value) & 2) << 62;
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(a.value) ^ sign);
  }
};

#if defined(__AVX2__)
/// Four doubles; AVX2 and FMA.
struct Pack4 {
  static constexpr std::size_t width = 4;
  __m256d value;

  Pack4() = default;
  Pack4(double all) : value{_mm256_set1_pd(all)} {}
  Pack4(__m256d lanes) : value{lanes} {}
  static Pack4 load(const double* from) { return _mm256_loadu_pd(from); }
  void store(double* to) const { _mm256_storeu_pd(to, value); }

  friend Pack4 operator+(Pack4 a, Pack4 b) { return _mm256_add_pd(a.value, b.value); }
  friend Pack4 operator-(Pack4 a, Pack4 b) { return _mm256_sub_pd(a.value, b.value); }
  friend Pack4 operator*(Pack4 a, Pack4 b) { return _mm256_mul_pd(a.value, b.value); }
  friend Pack4 operator/(Pack4 a, Pack4 b) { return _mm256_div_pd(a.value, b.value); }
  friend Pack4 sqrt(Pack4 a) { return _mm256_sqrt_pd(a.value); }
  friend Pack4 fma(Pack4 a, Pack4 b, Pack4 c) { return _mm256_fmadd_pd(a.value, b.value, c.value); }
  friend Pack4 fms(Pack4 a, Pack4 b, Pack4 c) { return _mm256_fmsub_pd(a.value, b.value, c.value); }
  friend Pack4 fnma(Pack4 a, Pack4 b, Pack4 c) {
    return _mm256_fnmadd_pd(a.value, b.value, c.value);
  }
  friend Pack4 max(Pack4 a, Pack4 b) { return _mm256_max_pd(a.value, b.value); }
  friend Pack4 min(Pack4 a, Pack4 b) { return _mm256_min_pd(a.value, b.value); }
  friend unsigned less(Pack4 a, Pack4 b) {
    return static_cast<unsigned>(_mm256_movemask_pd(_mm256_cmp_pd(a.value, b.value, _CMP_LT_OQ)));
  }
  friend unsigned within(Pack4 a, Pack4 low, Pack4 high) {
    const __m256d above = _mm256_cmp_pd(a.value, low.value, _CMP_GE_OQ);
    const __m256d below = _mm256_cmp_pd(a.value, high.value, _CMP_LE_OQ);
    return static_cast<unsigned>(_mm256_movemask_pd(_mm256_and_pd(above, below)));
  }
  friend Pack4 select_odd(Pack4 bits, Pack4 a, Pack4 b) {
    const __m256i odd = _mm256_slli_epi64(_mm256_castpd_si256(bits.value), 63);
    return _mm256_blendv_pd(a.value, b.value, _mm256_castsi256_pd(odd));
  }
  friend Pack4 negate_by_bit1(Pack4 bits, Pack4 a) {
    const __m256i shifted = _mm256_slli_epi64(_mm256_castpd_si256(bits.value), 62);
    const __m256d sign = _mm256_and_pd(_mm256_castsi256_pd(shifted), _mm256_set1_pd(-0.0));
    return _mm256_xor_pd(a.value, sign);
  }
};
#else
/// Where a processor has no wide packs they are one double, with the same bits.
using Pack4 = Pack1;
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
/// Eight doubles; AVX-512 F and DQ.
struct Pack8 {
  static constexpr std::size_t width = 8;
  __m512d value;

  Pack8() = default;
  Pack8(double all) : value{_mm512_set1_pd(all)} {}
  Pack8(__m512d lanes) : value{lanes} {}
  static Pack8 load(const double* from) { return _mm512_loadu_pd(from); }
  void store(double* to) const { _mm512_storeu_pd(to, value); }

  friend Pack8 operator+(Pack8 a, Pack8 b) { return _mm512_add_pd(a.value, b.value); }
  friend Pack8 operator-(Pack8 a, Pack8 b) { return _mm512_sub_pd(a.value, b.value); }
  friend Pack8 operator*(Pack8 a, Pack8 b) { return _mm512_mul_pd(a.value, b.value); }
  friend Pack8 operator/(Pack8 a, Pack8 b) { return _mm512_div_pd(a.value, b.value); }
  friend Pack8 sqrt(Pack8 a) { return _mm512_sqrt_pd(a.value); }
  friend Pack8 fma(Pack8 a, Pack8 b, Pack8 c) { return _mm512_fmadd_pd(a.value, b.value, c.value); }
  friend Pack8 fms(Pack8 a, Pack8 b, Pack8 c) { return _mm512_fmsub_pd(a.value, b.value, c.value); }
  friend Pack8 fnma(Pack8 a, Pack8 b, Pack8 c) {
    return _mm512_fnmadd_pd(a.value, b.value, c.value);
  }
  friend Pack8 max(Pack8 a, Pack8 b) { return _mm512_max_pd(a.value, b.value); }
  friend Pack8 min(Pack8 a, Pack8 b) { return _mm512_min_pd(a.value, b.value); }
  friend unsigned less(Pack8 a, Pack8 b) {
    return _mm512_cmp_pd_mask(a.value, b.value, _CMP_LT_OQ);
  }
  friend unsigned within(Pack8 a, Pack8 low, Pack8 high) {
    const __mmask8 above = _mm512_cmp_pd_mask(a.value, low.value, _CMP_GE_OQ);
    return _mm512_mask_cmp_pd_mask(above, a.value, high.value, _CMP_LE_OQ);
  }
  friend Pack8 select_odd(Pack8 bits, Pack8 a, Pack8 b) {
    const __mmask8 odd =
        _mm512_test_epi64_mask(_mm512_castpd_si512(bits.value), _mm512_set1_epi64(1));
    return _mm512_mask_blend_pd(odd, a.value, b.value);
  }
  friend Pack8 negate_by_bit1(Pack8 bits, Pack8 a) {
    const __m512i shifted = _mm512_slli_epi64(_mm512_castpd_si512(bits.value), 62);
    const __m512d sign = _mm512_and_pd(_mm512_castsi512_pd(shifted), _mm512_set1_pd(-0.0));
    return _mm512_xor_pd(a.value, sign);
  }
};
#else
using Pack8 = Pack1;
#endif

/// Two packs as one: twice the independent work for a processor that would otherwise wait for the
/// result of each operation before the next.
template <class P>
struct PackPair {
  static constexpr std::size_t width = 2 * P::width;
  P low, high;

  PackPair() = default;
  PackPair(double all) : low{all}, high{all} {}
  PackPair(P first, P second) : low{first}, high{second} {}
  static PackPair load(const double* from) { return {P::load(from), P::load(from + P::width)}; }
  void store(double* to) const {
    low.store(to);
    high.store(to + P::width);
  }

  friend PackPair operator+(PackPair a, PackPair b) { return {a.low + b.low, a.high + b.high}; }
  friend PackPair operator-(PackPair a, PackPair b) { return {a.low - b.low, a.high - b.high}; }
  friend PackPair operator*(PackPair a, PackPair b) { return {a.low * b.low, a.high * b.high}; }
  friend PackPair operator/(PackPair a, PackPair b) { return {a.low / b.low, a.high / b.high}; }
  friend PackPair sqrt(PackPair a) { return {sqrt(a.low), sqrt(a.high)}; }
  friend PackPair fma(PackPair a, PackPair b, PackPair c) {
    return {fma(a.low, b.low, c.low), fma(a.high, b.high, c.high)};
  }
  friend PackPair fms(PackPair a, PackPair b, PackPair c) {
    return {fms(a.low, b.low, c.low), fms(a.high, b.high, c.high)};
  }
  friend PackPair fnma(PackPair a, PackPair b, PackPair c) {
    return {fnma(a.low, b.low, c.low), fnma(a.high, b.high, c.high)};
  }
  friend PackPair max(PackPair a, PackPair b) { return {max(a.low, b.low), max(a.high, b.high)}; }
  friend PackPair min(PackPair a, PackPair b) { return {min(a.low, b.low), min(a.high, b.high)}; }
  friend unsigned less(PackPair a, PackPair b) {
    return less(a.low, b.low) | less(a.high, b.high) << P::width;
  }
  friend unsigned within(PackPair a, PackPair least, PackPair most) {
    return within(a.low, least.low, most.low) | within(a.high, least.high, most.high) << P::width;
  }
  friend PackPair select_odd(PackPair bits, PackPair a, PackPair b) {
    return {select_odd(bits.low, a.low, b.low), select_odd(bits.high, a.high, b.high)};
  }
  friend PackPair negate_by_bit1(PackPair bits, PackPair a) {
    return {negate_by_bit1(bits.low, a.low), negate_by_bit1(bits.high, a.high)};
  }
};

template <class P>
struct PackSinCos {
  P sin;
  P cos;
};

/// Sine and cosine, for |x| <= 1e6, each within 2^-52 (absolute). pi/2 is taken away in two pieces
/// with fused steps; the polynomials are fdlibm's (Sun Microsystems 1993).
template <class P>
[[gnu::always_inline]] inline PackSinCos<P> sincos(P x) {
  constexpr double magic = 0x1.8p52;  // Adding it leaves no bits below the point.
  constexpr double half_pi = 0x1.921fb54442d18p0, half_pi_lo = 0x1.1a62633145c07p-54;
  const P quadrant = fma(x, P{0.63661977236758134308}, P{magic});
  const P turns = quadrant - P{magic};
  const P r = fma(turns, P{-half_pi_lo}, fma(turns, P{-half_pi}, x));
  const P z = r * r;
  P s = fma(z, P{1.58969099521155010221e-10}, P{-2.50507602534068634195e-08});
  P c = fma(z, P{-1.13596475577881948265e-11}, P{2.08757232129817482790e-09});
  s = fma(z, s, P{2.75573137070700676789e-06});
  c = fma(z, c, P{-2.75573143513906633035e-07});
  s = fma(z, s, P{-1.98412698298579493134e-04});
  c = fma(z, c, P{2.48015872894767294178e-05});
  s = fma(z, s, P{8.33333333332248946124e-03});
  c = fma(z, c, P{-1.38888888888741095749e-03});
  s = fma(z, s, P{-1.66666666666666324348e-01});
  c = fma(z, c, P{4.16666666666666019037e-02});
  s = fma(z * r, s, r);
  c = fma(z, fma(z, c, P{-0.5}), P{1.0});
  return {negate_by_bit1(quadrant, select_odd(quadrant, s, c)),
          negate_by_bit1(quadrant + P{1.0}, select_odd(quadrant, c, s))};
}

}  // namespace axs
