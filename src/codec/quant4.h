#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// Uniform 4-bit quantisation with error feedback (Seide et al. 2014; Karimireddy et al. 2019):
/// what one message could not say is kept in the residual and said by the next.
///
/// A block of 256 values shares one scale s, rounded to bfloat16: max|x| / 7, or `coarseness` times
/// the root mean square of x if that is more. A value x becomes the level k = round-half-even(x /
/// s) in -7..7 and is decoded as k * s. Consequences, all of them tested: k * s has at most 11
/// significant bits, so decoding is exact; x - k * s is exact too (Sterbenz), so x == decoded +
/// residual holds in real arithmetic; |residual| <= s / 2; nothing is ever clipped.
namespace axs::codec {

inline constexpr std::size_t quant4_block = 256;
/// Codes are levels plus 7: 0..14.
inline constexpr std::size_t quant4_levels = 15;

/// How many scales stand for n values.
constexpr std::size_t quant4_blocks(std::size_t n) {
  return (n + quant4_block - 1) / quant4_block;
}

/// How coarse the steps are, in root mean squares; 0 is as fine as 15 levels allow.
struct Coarseness {
  float value = 0;
};

/// Quantises x = fl(value + residual) and leaves x - decoded in `residual`. All x must be finite.
/// `scales` holds bfloat16 bit patterns, quant4_blocks(n) of them; the other spans have n elements.
void quantise4(std::span<const float> value, std::span<float> residual, Coarseness coarseness,
               std::span<std::uint16_t> scales, std::span<std::uint8_t> codes);

/// Whether the encoder can have written this scale: zero or a normal number, and 7 * s is finite.
constexpr bool is_quant4_scale(std::uint16_t scale) {
  return scale == 0 || (scale >= 0x0080 && scale <= 0x7e12);
}

/// out = decoded.
void dequantise4(std::span<const std::uint16_t> scales, std::span<const std::uint8_t> codes,
                 std::span<float> out);

/// sum = fl(sum + fl(weight * decoded)), element by element.
void accumulate4(std::span<const std::uint16_t> scales, std::span<const std::uint8_t> codes,
                 float weight, std::span<float> sum);

}  // namespace axs::codec
