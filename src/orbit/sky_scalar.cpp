#include "axs/orbit/sky_kernels.h"

namespace axs::orbit {

constinit const SkyKernels sky_scalar = kernels_of<Pack1>();

}  // namespace axs::orbit
