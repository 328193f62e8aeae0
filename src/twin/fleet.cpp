#include "axs/twin/fleet.h"

#include "axs/core/assert.h"
#include "axs/core/dmath.h"

namespace axs::twin {

namespace {

/// Exponential with mean 1.
double exponential(Rng& rng) {
  return -dmath::log(1 - rng.uniform());
}

}  // namespace

double slowness(const Fleet& fleet, Rng& rng) {
  // The greatest of n is below x with probability (1 - exp(-x))^n: one draw stands for n.
  const double nth = exponential(rng) / fleet.accelerators;
  constexpr double tiny = 1e-8;  // Below it exp would round to 1.
  const double tail = nth < tiny ? nth : 1 - dmath::exp(-nth);
  return tail > 0 ? 1 - fleet.straggling * dmath::log(tail) : 1;
}

/// The greatest of n exponentials is on average the n-th harmonic number.
double mean_slowness(const Fleet& fleet) {
  double harmonic = 0;
  for (std::uint32_t i = fleet.accelerators; i > 0; --i) harmonic += 1.0 / i;
  return 1 + fleet.straggling * harmonic;
}

Duration until_failure(const Fleet& fleet, Rng& rng) {
  AXS_ASSERT(fleet.between_failures > Duration{});
  return scaled(fleet.between_failures, exponential(rng) / fleet.accelerators);
}

}  // namespace axs::twin
