#include "sky_peak.h"

#include "axs/core/simd.h"
#include "sky_peak_loop.h"

double peak() {
  switch (axs::simd_level()) {
    case axs::SimdLevel::scalar:
      break;
    case axs::SimdLevel::avx2:
      return peak_avx2();
    case axs::SimdLevel::avx512:
      return peak_avx512();
  }
  return peak_loop<axs::Pack1>();
}
