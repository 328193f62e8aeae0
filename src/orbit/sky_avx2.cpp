#include "axs/orbit/sky_kernels.h"

namespace axs::orbit {

constinit const SkyKernels sky_avx2 = kernels_of<Pack4>();

}  // namespace axs::orbit
