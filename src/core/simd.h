#pragma once

#include <array>
#include <cstdint>

/// Which vector instructions this processor has. Code that uses them is compiled for each level
/// from one template (pack.h) and gives the same bits at every level, so the level is not part of
/// any result.
namespace axs {

enum class SimdLevel : std::uint8_t {
  scalar,  ///< Nothing beyond what every processor of the platform has.
  avx2,    ///< AVX2 and FMA.
  avx512,  ///< AVX-512 F and DQ as well.
};

inline constexpr std::array simd_levels{SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512};

/// The highest level of this processor.
SimdLevel simd_level();

}  // namespace axs
