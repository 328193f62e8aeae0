#include "sky_peak.h"
#include "sky_peak_loop.h"

double peak_avx2() {
  return peak_loop<axs::Pack4>();
}
