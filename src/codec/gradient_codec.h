#pragma once

#include <cstdint>
#include <span>

#include "axs/codec/quant4.h"
#include "axs/core/result.h"
#include "axs/core/wire.h"

/// What one site tells the others about its gradient or pseudo-gradient: a self-contained message
/// of either 4-bit codes with error feedback (lossy, about 1.6 bits per value on real
/// pseudo-gradients) or the floats themselves, bit for bit. Both are entropy-coded losslessly and
/// carry a checksum.
///
/// Deterministic: equal inputs give equal bytes and equal sums on every machine, compiler and
/// instruction set, as long as floats round to nearest even and denormals are not flushed.
///
/// Wire format, version 1, little-endian:
///   u32 magic "AXGM" · u8 version · u8 kind · u64 count · chunks of at most gradient_chunk values
///   · u32 CRC-32C of all before it. A chunk of kind quant4: streams (rans.h) of the scales' high
///   bytes, their low bytes, the codes. A chunk of kind fp32: one stream for each byte plane
///   (float_planes.h), lowest first.
namespace axs::codec {

enum class GradientKind : std::uint8_t { quant4, fp32 };

/// Values that share one table of probabilities. They fit a core's second-level cache.
inline constexpr std::size_t gradient_chunk = 1 << 17;

/// Of the codes in messages. Coarse: at the same number of bytes, sites that say less at a time and
/// say it more often stay closer together, and the residual says the rest later
/// (docs/design/002-gradient-codec.md).
inline constexpr Coarseness gradient_coarseness{1.5F};

struct GradientHeader {
  GradientKind kind;
  std::uint64_t count;
};

/// Appends a message that says x = fl(value + residual) as well as 4 bits can (quant4.h) and leaves
/// in `residual` what it could not say: x == decoded + residual, exactly. invalid if some x is not
/// finite; then nothing has changed. Both spans are equally long.
Result<> encode_quant4(std::span<const float> value, std::span<float> residual, ByteVector& out);

/// Appends a message that holds `value` exactly. invalid if a value is not finite; then nothing has
/// changed.
Result<> encode_fp32(std::span<const float> value, ByteVector& out);

/// What the message says that it is. Its checksum has not been looked at.
Result<GradientHeader> read_gradient_header(ByteView message);

/// Decodes all of the message into `out`, which has exactly its count of elements. corrupt if the
/// message is damaged in any way; then `out` is as before, unless someone forged the checksum.
/// Any input is safe.
Result<> decode_gradient(ByteView message, std::span<float> out);

/// sum = fl(sum + fl(weight * decoded)), element by element; otherwise as decode_gradient.
Result<> accumulate_gradient(ByteView message, float weight, std::span<float> sum);

}  // namespace axs::codec
