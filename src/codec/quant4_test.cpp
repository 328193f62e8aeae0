#include "axs/codec/quant4.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <bit>
#include <cfloat>
#include <cmath>

#include "axs/codec/synthetic_gradient.h"
#include "axs/core/wire.h"

using namespace axs;
using namespace axs::codec;

namespace {

struct Quantised {
  std::vector<std::uint16_t> scales;
  ByteVector codes;
  std::vector<float> residual;
};

Quantised quantise(std::span<const float> value, std::vector<float> residual,
                   Coarseness coarseness = {}) {
  Quantised q{std::vector<std::uint16_t>(quant4_blocks(value.size())), ByteVector(value.size()),
              std::move(residual)};
  quantise4(value, q.residual, coarseness, q.scales, q.codes);
  return q;
}

double scale_value(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// The bfloat16 nearest to the float nearest to largest / 7, by trying the two around it.
std::uint16_t reference_scale(float largest) {
  const float want = static_cast<float>(static_cast<double>(largest) / 7);
  const auto below = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(want) >> 16);
  const auto above = static_cast<std::uint16_t>(below + 1);
  const double down = want - scale_value(below), up = scale_value(above) - want;
  const bool round_up = up < down || (up == down && below % 2 == 1);
  const std::uint16_t scale = round_up ? above : below;
  return scale < 0x0080 ? std::uint16_t{0} : std::min(scale, std::uint16_t{0x7e12});
}

/// The quantiser as its header defines it, value by value, in double precision.
Quantised reference(std::span<const float> value, std::span<const float> old_residual) {
  Quantised q;
  for (std::size_t begin = 0; begin < value.size(); begin += 256) {
    const std::size_t end = std::min(value.size(), begin + 256);
    float largest = 0;
    for (std::size_t i = begin; i < end; ++i)
      largest = std::max(largest, std::fabs(value[i] + old_residual[i]));
    q.scales.push_back(reference_scale(largest));
    const double scale = scale_value(q.scales.back());
    for (std::size_t i = begin; i < end; ++i) {
      const double x = value[i] + old_residual[i];
      // The header rounds the quotient to a float before it rounds to an integer.
      const double level = scale == 0 ? 0 : std::nearbyint(static_cast<float>(x / scale));
      q.codes.push_back(static_cast<std::uint8_t>(level + 7));
      q.residual.push_back(static_cast<float>(x - level * scale));
    }
  }
  return q;
}

void check_against_reference(std::span<const float> value, const std::vector<float>& residual) {
  const Quantised got = quantise(value, residual), want = reference(value, residual);
  REQUIRE(got.scales == want.scales);
  REQUIRE(got.codes == want.codes);
  REQUIRE(got.residual == want.residual);
}

/// What quant4.h promises of every input.
void check_invariants(std::span<const float> value, const std::vector<float>& old_residual,
                      Coarseness coarseness = {}) {
  const Quantised q = quantise(value, old_residual, coarseness);
  std::vector<float> decoded(value.size());
  dequantise4(q.scales, q.codes, decoded);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const double x = value[i] + old_residual[i], scale = scale_value(q.scales[i / 256]);
    REQUIRE(is_quant4_scale(q.scales[i / 256]));
    REQUIRE(q.codes[i] < quant4_levels);
    REQUIRE(static_cast<double>(decoded[i]) == (q.codes[i] - 7) * scale);
    REQUIRE(static_cast<double>(q.residual[i]) == x - decoded[i]);
    if (scale != 0) REQUIRE(std::fabs(q.residual[i]) <= scale * 0.5 * (1 + 0x1p-23));
  }
}

std::vector<float> any_finite(Rng& rng, std::size_t n) {
  std::vector<float> values(n);
  for (float& x : values) do {
      x = std::bit_cast<float>(static_cast<std::uint32_t>(rng.next()));
    } while (!(std::fabs(x) < FLT_MAX / 4));
  return values;
}

}  // namespace

TEST_CASE("quant4: agrees with the plain reference on every shape and on odd counts") {
  for (const auto shape : {GradientShape::gaussian, GradientShape::laplace, GradientShape::mixture})
    for (const std::size_t n : {1u, 2u, 255u, 256u, 257u, 5000u}) {
      const auto value = synthetic_gradient(shape, n, n);
      check_against_reference(value, std::vector<float>(n, 0));
      check_against_reference(value, synthetic_gradient(shape, n, n + 1));
    }
}

TEST_CASE("quant4: decoded + residual is exactly what went in, for floats of any size") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    const std::size_t n = 1 + rng.below(600);
    const auto value = any_finite(rng, n);
    check_invariants(value, std::vector<float>(n, 0));
    check_invariants(value, any_finite(rng, n));
    const auto residual = any_finite(rng, n);
    check_invariants(value, residual, {static_cast<float>(3 * rng.uniform())});
    check_against_reference(value, std::vector<float>(n, 0));
  }));
}

TEST_CASE("quant4: the step is so many root mean squares, unless 15 levels would not do") {
  const auto value = synthetic_gradient(GradientShape::gaussian, 256, 1);
  double squares = 0;
  for (const float x : value) squares += static_cast<double>(x) * static_cast<double>(x);
  const double rms = std::sqrt(squares / 256);
  const std::vector<float> zeros(256);
  for (const float coarseness : {1.0f, 1.5f, 2.0f})
    CHECK(scale_value(quantise(value, zeros, {coarseness}).scales[0]) ==
          doctest::Approx(coarseness * rms).epsilon(1.0 / 256));
  // Nothing is ever clipped: one value far above the others decides.
  std::vector<float> spike(256, 1e-3f);
  spike[100] = 7;
  CHECK(quantise(spike, zeros, {1.5f}).scales == quantise(spike, zeros).scales);
  // Nor do squares overflow or vanish.
  for (const float x : {3e38f, 1e-37f}) {
    const Quantised q = quantise(std::vector<float>(256, x), zeros, {1});
    CHECK(scale_value(q.scales[0]) == doctest::Approx(std::min(x, FLT_MAX / 7)).epsilon(0.01));
  }
}

TEST_CASE("quant4: ties at half a step go to the even level and stay exact") {
  for (const float scale : {1.0f, 1.1015625f, 1.6640625f, 1.9921875f}) {
    std::vector<float> value{7 * scale};
    for (int half = -14; half <= 14; ++half) {
      const float tie = static_cast<float>(half) * scale / 2;
      for (const float x : {tie, std::nextafter(tie, -FLT_MAX), std::nextafter(tie, FLT_MAX)})
        if (std::fabs(x) <= value[0]) value.push_back(x);
    }
    check_invariants(value, std::vector<float>(value.size(), 0));
    check_against_reference(value, std::vector<float>(value.size(), 0));
  }
  // The scales halfway between two of bfloat16 go to the even one too.
  CHECK(quantise(std::vector<float>{7 * 1.00390625f}, {0}).scales[0] == 0x3f80);
  CHECK(quantise(std::vector<float>{7 * 1.01171875f}, {0}).scales[0] == 0x3f82);
  const Quantised q = quantise(std::vector<float>{7, 0.5f, 1.5f, 2.5f, -0.5f}, {0, 0, 0, 0, 0});
  CHECK(q.codes == ByteVector{14, 7, 9, 9, 7});
}

TEST_CASE("quant4: the largest, the smallest and no values at all") {
  for (const float x : {FLT_MAX, -FLT_MAX, 0x1p125f, FLT_MIN, 7 * FLT_MIN, 6.9f * FLT_MIN,
                        FLT_TRUE_MIN, 1e-40f, 0.0f, -0.0f}) {
    CAPTURE(x);
    const std::vector<float> value{x, x / 2, -x / 3, 0};
    check_invariants(value, {0, 0, 0, 0});
    check_against_reference(value, {0, 0, 0, 0});
  }
  CHECK(quantise({}, {}).scales.empty());
}

TEST_CASE("quant4: what is too small for a scale waits in the residual") {
  const Quantised q = quantise(std::vector<float>{1e-40f, -1e-42f}, {0, 0});
  CHECK(q.scales == std::vector<std::uint16_t>{0});
  CHECK(q.residual == std::vector<float>{1e-40f, -1e-42f});
}

TEST_CASE("quant4: over many rounds nothing is lost but rounding") {
  // Sum of decoded + last residual = sum of values: the point of error feedback.
  const std::size_t n = 1000;
  std::vector<float> residual(n, 0), decoded(n);
  std::vector<double> sent(n, 0), wanted(n, 0);
  for (std::uint64_t round = 0; round < 50; ++round) {
    const auto value = synthetic_gradient(GradientShape::mixture, n, round);
    Quantised q = quantise(value, residual);
    residual = q.residual;
    dequantise4(q.scales, q.codes, decoded);
    for (std::size_t i = 0; i < n; ++i) {
      sent[i] += static_cast<double>(decoded[i]);
      wanted[i] += static_cast<double>(value[i]);
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    CHECK(sent[i] + residual[i] == doctest::Approx(wanted[i]).epsilon(1e-5));
}

TEST_CASE("quant4: accumulating is decoding, weighing and adding") {
  const auto value = synthetic_gradient(GradientShape::laplace, 777, 1);
  const Quantised q = quantise(value, std::vector<float>(777, 0));
  std::vector<float> decoded(777), sum = synthetic_gradient(GradientShape::gaussian, 777, 2);
  std::vector<float> want = sum;
  dequantise4(q.scales, q.codes, decoded);
  accumulate4(q.scales, q.codes, 0.3f, sum);
  for (std::size_t i = 0; i < 777; ++i) want[i] += 0.3f * decoded[i];
  CHECK(sum == want);
}
