#include "axs/codec/quant4.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "axs/core/assert.h"

namespace axs::codec {

namespace {

constexpr std::uint32_t largest_scale = 0x7e12;   // The last bfloat16 that 7 can multiply.
constexpr std::uint32_t smallest_scale = 0x0080;  // 2^-126: below, levels would be denormal.

float from_bfloat16(std::uint32_t bits) {
  return std::bit_cast<float>(bits << 16);
}

/// Round to nearest even, for |x| <= 2^22: the sum's unit in the last place is 1.
float round_to_integer(float x) {
  constexpr float magic = 0x1.8p23f;
  return (x + magic) - magic;
}

/// Of x / largest, so that nothing overflows. Sixteen sums, added in a fixed order: the same bits
/// whatever the width of the vectors.
float mean_square(const float* __restrict x, float largest) {
  constexpr std::size_t lanes = 16;
  const float inverse = 1 / largest;
  float sums[lanes] = {};
  for (std::size_t i = 0; i < quant4_block; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const float ratio = x[i + lane] * inverse;
      sums[lane] += ratio * ratio;
    }
  float sum = 0;
  for (const float part : sums) sum += part;
  return sum / quant4_block;
}

float step_for(const float* x, float largest, Coarseness coarseness) {
  const float finest = largest / 7;
  if (coarseness.value == 0 || finest < 0x1p-126f) return finest;
  return std::max(finest, coarseness.value * (largest * std::sqrt(mean_square(x, largest))));
}

std::uint16_t scale_for(float step) {
  const auto bits = std::bit_cast<std::uint32_t>(step);
  const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  if (rounded < smallest_scale) return 0;
  return static_cast<std::uint16_t>(std::min(rounded, largest_scale));
}

/// One whole block; the compiler needs the constant count and the promise that nothing overlaps.
std::uint16_t quantise_block(const float* __restrict value, float* __restrict residual,
                             Coarseness coarseness, std::uint8_t* __restrict codes) {
  float x[quant4_block];
  std::int32_t largest = 0;  // Magnitudes of floats order like their bits.
  for (std::size_t i = 0; i < quant4_block; ++i) {
    x[i] = value[i] + residual[i];
    largest = std::max(largest, std::bit_cast<std::int32_t>(x[i]) & 0x7fffffff);
  }
  const std::uint16_t scale = scale_for(step_for(x, std::bit_cast<float>(largest), coarseness));
  const float step = from_bfloat16(scale);
  const float divisor = scale == 0 ? 0x1p127f : step;  // All x are then far below one half.
  for (std::size_t i = 0; i < quant4_block; ++i) {
    const float level = round_to_integer(x[i] / divisor);
    residual[i] = x[i] - level * step;
    codes[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(level) + 7);
  }
  return scale;
}

/// The last block, filled up with zeros.
std::uint16_t quantise_tail(std::span<const float> value, std::span<float> residual,
                            Coarseness coarseness, std::span<std::uint8_t> codes) {
  std::array<float, quant4_block> x{}, r{};
  std::array<std::uint8_t, quant4_block> c;
  std::copy(value.begin(), value.end(), x.begin());
  std::copy(residual.begin(), residual.end(), r.begin());
  const std::uint16_t scale = quantise_block(x.data(), r.data(), coarseness, c.data());
  std::copy_n(r.begin(), residual.size(), residual.begin());
  std::copy_n(c.begin(), codes.size(), codes.begin());
  return scale;
}

/// Calls merge(out[i], decoded[i]) for all i; whole blocks have a count that the compiler knows.
template <class Merge>
void for_each_decoded(std::span<const std::uint16_t> scales, std::span<const std::uint8_t> codes,
                      std::span<float> out, Merge merge) {
  AXS_ASSERT(codes.size() == out.size() && scales.size() == quant4_blocks(out.size()));
  const auto block = [&](std::size_t index, std::size_t count) __attribute__((always_inline)) {
    const float step = from_bfloat16(scales[index]);
    float* __restrict target = out.data() + index * quant4_block;
    const std::uint8_t* __restrict code = codes.data() + index * quant4_block;
    for (std::size_t i = 0; i < count; ++i)
      target[i] = merge(target[i], static_cast<float>(code[i] - 7) * step);
  };
  const std::size_t whole = out.size() / quant4_block;
  for (std::size_t b = 0; b < whole; ++b) block(b, quant4_block);
  if (whole < scales.size()) block(whole, out.size() % quant4_block);
}

}  // namespace

void quantise4(std::span<const float> value, std::span<float> residual, Coarseness coarseness,
               std::span<std::uint16_t> scales, std::span<std::uint8_t> codes) {
  AXS_ASSERT(residual.size() == value.size() && codes.size() == value.size() &&
             scales.size() == quant4_blocks(value.size()));
  std::size_t at = 0;
  for (std::uint16_t& scale : scales) {
    const std::size_t count = std::min(quant4_block, value.size() - at);
    scale =
        count == quant4_block
            ? quantise_block(&value[at], &residual[at], coarseness, &codes[at])
            : quantise_tail(value.subspan(at), residual.subspan(at), coarseness, codes.subspan(at));
    at += count;
  }
}

void dequantise4(std::span<const std::uint16_t> scales, std::span<const std::uint8_t> codes,
                 std::span<float> out) {
  for_each_decoded(scales, codes, out, [](float, float decoded) { return decoded; });
}

void accumulate4(std::span<const std::uint16_t> scales, std::span<const std::uint8_t> codes,
                 float weight, std::span<float> sum) {
  for_each_decoded(scales, codes, sum,
                   [weight](float old, float decoded) { return old + weight * decoded; });
}

}  // namespace axs::codec
