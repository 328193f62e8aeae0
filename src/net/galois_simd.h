#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "axs/core/simd.h"

/// For galois.cpp alone: the same with vector instructions.
namespace axs::net::galois {

/// The products of one factor with i and with 16 i.
struct NibbleProducts {
  alignas(16) std::array<std::uint8_t, 16> low;
  alignas(16) std::array<std::uint8_t, 16> high;
};

struct WideTask {
  std::span<std::uint8_t> out;
  std::span<const std::uint8_t> in;
  std::uint8_t factor;
};

/// Does as many bytes from the first on as fill vectors of that level, and says how many.
std::size_t multiply_add_wide(const WideTask& task, const NibbleProducts& products,
                              SimdLevel level);

}  // namespace axs::net::galois
