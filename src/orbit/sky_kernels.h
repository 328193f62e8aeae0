#pragma once

#include "axs/core/simd.h"
#include "axs/orbit/link_kernel.h"
#include "axs/orbit/route_kernel.h"

namespace axs::orbit {

/// The functions of link_kernel.h and route_kernel.h for one vector width.
struct SkyKernels {
  std::uint16_t (*beams)(const BeamBlock&, const BeamLimits&, double* km);
  void (*heights)(const HeightRun&);
  void (*clear)(RouteRow*, std::size_t satellites);
  void (*solve)(RouteRun&);
  void (*land)(const LandingRun&);
};

template <class P>
constexpr SkyKernels kernels_of() {
  using Row = typename route_kernel::Row<P>::type;
  return {link_kernel::beams<P>, link_kernel::heights<P>, route_kernel::clear<Row>,
          route_kernel::solve<Row>, route_kernel::land<Row>};
}

extern const SkyKernels sky_scalar, sky_avx2, sky_avx512;

inline const SkyKernels& sky_kernels(SimdLevel level) {
  return level == SimdLevel::avx512 ? sky_avx512 : level == SimdLevel::avx2 ? sky_avx2 : sky_scalar;
}

}  // namespace axs::orbit
