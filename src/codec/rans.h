#pragma once

#include <cstdint>
#include <span>

#include "axs/core/wire.h"

/// Lossless order-0 entropy coding of byte symbols: range asymmetric numeral systems (Duda 2013),
/// interleaved over lanes (Giesen 2014). States of 32 bits, renormalised by words of 16,
/// probabilities in units of 2^-12. Symbol i belongs to lane i mod lanes; the words lie in the
/// order in which the decoder wants them.
namespace axs::codec {

/// Which instructions may be used; the result never depends on it.
enum class Simd { none, avx512 };
Simd best_simd();

/// Appends one stream that holds `symbols`: the shortest of stored, constant, or coded with 1 or 32
/// lanes. Never more than symbols.size() + 1 bytes.
void encode_symbols(std::span<const std::uint8_t> symbols, ByteVector& out,
                    Simd simd = best_simd());

/// Reads one stream of exactly symbols.size() symbols, all below `alphabet`. False if it is not
/// one; then `symbols` is unspecified. Any input is safe.
bool decode_symbols(WireReader& in, unsigned alphabet, std::span<std::uint8_t> symbols,
                    Simd simd = best_simd());

namespace detail {

using Histogram = std::array<std::uint32_t, 256>;
/// Probabilities in units of 2^-12; they add up to one.
using Frequencies = std::array<std::uint16_t, 256>;

Histogram count_symbols(std::span<const std::uint8_t> symbols);
/// What occurs gets at least one unit, the rest in proportion. At least one symbol must have
/// occurred.
Frequencies normalise(const Histogram& histogram);

}  // namespace detail

}  // namespace axs::codec
