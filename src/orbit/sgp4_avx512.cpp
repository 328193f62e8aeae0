#include "axs/orbit/sgp4_kernel.h"

namespace axs::orbit {

void sgp4_avx512(const Sgp4Run& run) {
  sgp4_kernel::run_all<PackPair<Pack8>>(run);
}

}  // namespace axs::orbit
