#include "axs/orbit/sky_kernels.h"

namespace axs::orbit {

constinit const SkyKernels sky_avx512 = kernels_of<Pack8>();

}  // namespace axs::orbit
