#include "axs/codec/gradient_codec.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>

#include "axs/codec/float_planes.h"
#include "axs/codec/quant4.h"
#include "axs/codec/synthetic_gradient.h"
#include "axs/core/crc32c.h"
#include "axs/core/crypto.h"

using namespace axs;
using namespace axs::codec;

namespace {

const auto kinds = {GradientKind::quant4, GradientKind::fp32};

ByteVector encode(GradientKind kind, std::span<const float> value) {
  ByteVector out;
  std::vector<float> residual(value.size(), 0);
  const auto done =
      kind == GradientKind::quant4 ? encode_quant4(value, residual, out) : encode_fp32(value, out);
  REQUIRE(done);
  return out;
}

std::vector<float> decode(ByteView message, std::size_t n) {
  std::vector<float> out(n);
  REQUIRE(decode_gradient(message, out));
  return out;
}

/// What decoding must give: the input for fp32, else the codes of quant4.h, block by block.
std::vector<float> reference(GradientKind kind, std::span<const float> value) {
  std::vector<float> out{value.begin(), value.end()};
  if (kind == GradientKind::fp32) return out;
  for (std::size_t at = 0; at < value.size(); at += quant4_block) {
    const auto block = value.subspan(at, std::min(quant4_block, value.size() - at));
    std::vector<float> residual(block.size(), 0);
    ByteVector codes(block.size());
    std::uint16_t scale;
    quantise4(block, residual, gradient_coarseness, {&scale, 1}, codes);
    dequantise4({&scale, 1}, codes, std::span{out}.subspan(at, block.size()));
  }
  return out;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

/// True if the message is refused and neither decoding nor accumulating touched its target.
bool refused(ByteView message, std::size_t n) {
  std::vector<float> out(n, 1.5f);
  const bool decoded = decode_gradient(message, out).has_value();
  const bool added = accumulate_gradient(message, 2, out).has_value();
  return !decoded && !added && out == std::vector<float>(n, 1.5f);
}

void seal(ByteVector& message) {
  const std::uint32_t crc = crc32c(ByteView{message}.first(message.size() - 4));
  std::memcpy(message.data() + message.size() - 4, &crc, 4);
}

}  // namespace

TEST_CASE("gradient: decodes to what the reference says, for all counts and shapes") {
  for (const auto kind : kinds)
    for (const auto shape :
         {GradientShape::gaussian, GradientShape::laplace, GradientShape::mixture})
      for (const std::size_t n : {0u, 1u, 7u, 256u, 257u, 8191u, 50001u, 131072u, 131073u}) {
        CAPTURE(n);
        const auto value = synthetic_gradient(shape, n, n);
        const ByteVector message = encode(kind, value);
        CHECK(same_bits(decode(message, n), reference(kind, value)));
        const auto header = read_gradient_header(message);
        REQUIRE(header);
        CHECK(header->kind == kind);
        CHECK(header->count == n);
      }
}

TEST_CASE("gradient: fp32 keeps every finite bit pattern") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    std::vector<float> value(rng.below(3000));
    for (float& x : value) do {
        x = std::bit_cast<float>(static_cast<std::uint32_t>(rng.next()));
      } while (!std::isfinite(x));
    RC_ASSERT(same_bits(decode(encode(GradientKind::fp32, value), value.size()), value));
  }));
  const std::vector<float> special{0.0f,     -0.0f,   FLT_TRUE_MIN, -FLT_TRUE_MIN, FLT_MIN,
                                   -FLT_MAX, FLT_MAX, 1e-40f,       1.0f};
  CHECK(same_bits(decode(encode(GradientKind::fp32, special), special.size()), special));
}

TEST_CASE("gradient: the residual holds exactly what was not said") {
  const auto value = synthetic_gradient(GradientShape::mixture, 200000, 1);
  auto residual = synthetic_gradient(GradientShape::gaussian, 200000, 2);
  const auto old_residual = residual;
  ByteVector message;
  REQUIRE(encode_quant4(value, residual, message));
  const auto decoded = decode(message, value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const float x = value[i] + old_residual[i];
    REQUIRE(static_cast<double>(decoded[i]) + static_cast<double>(residual[i]) ==
            static_cast<double>(x));
  }
}

TEST_CASE("gradient: the bytes are the same with every compiler") {
  const auto value = synthetic_gradient(GradientShape::mixture, 150000, 42);
  CHECK(to_hex(sha256(encode(GradientKind::quant4, value))) ==
        "25203017bf084082c3a631b2ab546a669f41181441e2925dd895870929bc2cb6");
  CHECK(to_hex(sha256(encode(GradientKind::fp32, value))) ==
        "515123ff306872d86c07d65e70ec83506cdda1a5f4d9035ca7e78d930bfa1e71");
}

TEST_CASE("gradient: accumulating adds the weighted values in place") {
  for (const auto kind : kinds) {
    const auto value = synthetic_gradient(GradientShape::laplace, 140000, 3);
    const ByteVector message = encode(kind, value);
    const auto decoded = decode(message, value.size());
    auto sum = synthetic_gradient(GradientShape::gaussian, value.size(), 4);
    auto want = sum;
    REQUIRE(accumulate_gradient(message, 0.37f, sum));
    for (std::size_t i = 0; i < want.size(); ++i) want[i] += 0.37f * decoded[i];
    CHECK(same_bits(sum, want));
  }
}

TEST_CASE("gradient: every truncation, longer message and single wrong bit is refused") {
  for (const auto kind : kinds)
    for (const std::size_t n : {0u, 1u, 600u}) {
      ByteVector message = encode(kind, synthetic_gradient(GradientShape::laplace, n, 5));
      for (std::size_t size = 0; size < message.size(); ++size)
        CHECK(refused(ByteView{message}.first(size), n));
      for (std::size_t bit = 0; bit < 8 * message.size(); ++bit) {
        message[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
        CHECK(refused(message, n));
        message[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
      }
      CHECK_FALSE(refused(message, n));
      message.push_back(0);
      CHECK(refused(message, n));
    }
}

TEST_CASE("gradient: a wrong count, kind or version is refused under a right checksum too") {
  const ByteVector good =
      encode(GradientKind::quant4, synthetic_gradient(GradientShape::gaussian, 500, 6));
  CHECK(refused(good, 499));
  CHECK(refused(good, 501));
  for (const std::size_t at : {0u, 4u, 5u}) {
    ByteVector message = good;
    message[at] = 9;
    seal(message);
    CHECK(refused(message, 500));
  }
  ByteVector longer = good;
  longer.insert(longer.end() - 4, 0);
  seal(longer);
  std::vector<float> out(500);
  CHECK_FALSE(decode_gradient(longer, out));
}

TEST_CASE("gradient: a scale that the encoder cannot have written is refused") {
  ByteVector message = encode(GradientKind::quant4, std::vector<float>{1});
  constexpr std::size_t high_byte = 15;  // After the header, a constant stream: its kind, its byte.
  for (const std::uint8_t high : {std::uint8_t{0x7f}, std::uint8_t{0xff}, std::uint8_t{0xbe}}) {
    message[high_byte] = high;
    seal(message);
    CHECK(refused(message, 1));
  }
}

TEST_CASE("gradient: no forged message crashes or brings in a number that is not finite") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    const std::size_t n = 1 + rng.below(rng.chance(0.2) ? 20000 : 600);
    const auto kind = rng.chance(0.5) ? GradientKind::quant4 : GradientKind::fp32;
    ByteVector message = encode(kind, synthetic_gradient(GradientShape::laplace, n, seed));
    for (std::uint64_t edits = 1 + rng.below(4); edits > 0; --edits)
      message[rng.below(message.size())] ^= static_cast<std::uint8_t>(rng.next());
    seal(message);
    std::vector<float> out(n);
    if (decode_gradient(message, out))
      for (const float x : out) RC_ASSERT(std::isfinite(x));
  }));
  CHECK(rc::check([](const ByteVector& noise) {
    std::vector<float> out(noise.size());
    (void)decode_gradient(noise, out).has_value();
    (void)read_gradient_header(noise).has_value();
  }));
}

TEST_CASE("gradient: what is not finite is refused, and nothing has changed") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(), -FLT_MAX}) {
    std::vector<float> value(300, 1), residual(300, -FLT_MAX);
    value[299] = bad;
    ByteVector out{7};
    const auto done = encode_quant4(value, residual, out);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::invalid);
    CHECK(done.error().what.find("gradient value 299: ") == 0);
    CHECK(out == ByteVector{7});
    CHECK(residual == std::vector<float>(300, -FLT_MAX));
    if (!std::isfinite(bad)) CHECK_FALSE(encode_fp32(value, out));
  }
}

TEST_CASE("gradient: zeros and equal values are tiny, many messages fit one buffer") {
  CHECK(encode(GradientKind::quant4, std::vector<float>(1000000, 0)).size() < 100);
  CHECK(encode(GradientKind::fp32, std::vector<float>(1000000, 0)).size() < 100);
  CHECK(encode(GradientKind::quant4, std::vector<float>(1 << 20, 0.1f)).size() < 100);
  CHECK(encode(GradientKind::fp32, std::vector<float>(1000000, -0.1f)).size() < 100);
  const std::vector<float> one{1}, two{2, 3};
  ByteVector both;
  REQUIRE(encode_fp32(one, both));
  const std::size_t first = both.size();
  REQUIRE(encode_fp32(two, both));
  CHECK(decode(ByteView{both}.first(first), 1) == one);
  CHECK(decode(ByteView{both}.subspan(first), 2) == two);
}

TEST_CASE("gradient: real shapes take at most 1.8 bits, and fp32 is near its order-0 floor") {
  const std::size_t n = 1 << 19;
  for (const auto shape :
       {GradientShape::gaussian, GradientShape::laplace, GradientShape::mixture}) {
    const auto value = synthetic_gradient(shape, n, 8);
    CHECK(8.0 * static_cast<double>(encode(GradientKind::quant4, value).size()) <
          1.8 * static_cast<double>(n));
    ByteVector plane[4];
    for (auto& p : plane) p.resize(n);
    split_planes(value, {plane[0], plane[1], plane[2], plane[3]});
    double floor_bits = 0;
    for (const auto& p : plane) {
      std::array<double, 256> count{};
      for (const auto byte : p) ++count[byte];
      for (const double c : count)
        if (c > 0) floor_bits += c * std::log2(static_cast<double>(n) / c);
    }
    const auto size = static_cast<double>(encode(GradientKind::fp32, value).size());
    CHECK(8 * size < 1.01 * floor_bits);
  }
}
