#include "axs/orbit/sgp4_kernel.h"

namespace axs::orbit {

void sgp4_avx2(const Sgp4Run& run) {
  sgp4_kernel::run_all<PackPair<Pack4>>(run);
}

}  // namespace axs::orbit
