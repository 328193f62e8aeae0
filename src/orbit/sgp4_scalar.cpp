#include "axs/orbit/sgp4_kernel.h"

namespace axs::orbit {

void sgp4_scalar(const Sgp4Run& run) {
  sgp4_kernel::run_all<Pack1>(run);
}

}  // namespace axs::orbit
