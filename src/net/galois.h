#pragma once

#include <cstdint>
#include <span>

#include "axs/core/simd.h"

/// The field of 256 elements that is a byte each: polynomials over two elements, modulo
/// x^8 + x^4 + x^3 + x + 1 (that of AES, FIPS 197 section 4.2, for which processors have an
/// instruction). Adding and subtracting are both exclusive or.
namespace axs::net::galois {

std::uint8_t multiply(std::uint8_t a, std::uint8_t b);
/// The element whose product with `a` is 1; `a` must not be 0.
std::uint8_t inverse(std::uint8_t a);

/// out[i] += factor * in[i], for two spans of one size that do not overlap. The same bits at every
/// level; a level that this processor does not have is taken for the highest that it has.
void multiply_add(std::span<std::uint8_t> out, std::span<const std::uint8_t> in,
                  std::uint8_t factor, SimdLevel level = simd_level());
/// data[i] *= factor.
void scale(std::span<std::uint8_t> data, std::uint8_t factor);

}  // namespace axs::net::galois
