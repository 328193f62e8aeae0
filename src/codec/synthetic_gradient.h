#pragma once

#include <cstdint>
#include <vector>

#include "axs/core/rng.h"

/// Stand-ins for gradients, for tests and benchmarks: the same bits on every machine, so no libm.
namespace axs::codec {

enum class GradientShape {
  gaussian,  // Like most layers' pseudo-gradients.
  laplace,   // Heavier tails.
  mixture,   // Layers of very different size, every twentieth value five times as large.
};

/// Nearly standard normal: the sum of twelve uniforms less six (Irwin-Hall).
inline double near_normal(Rng& rng) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += rng.uniform();
  return sum;
}

/// n values of about unit size. The determinant of a 2x2 matrix of normals is Laplace-distributed.
inline std::vector<float> synthetic_gradient(GradientShape shape, std::size_t n,
                                             std::uint64_t seed) {
  Rng rng{seed};
  double layer = 1;
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    double x = near_normal(rng);
    if (shape == GradientShape::laplace)
      x = x * near_normal(rng) - near_normal(rng) * near_normal(rng);
    if (shape == GradientShape::mixture) {
      if (i % 4096 == 0) layer = 1.0 / static_cast<double>(1 + rng.below(16));
      x *= layer * (rng.chance(0.05) ? 5 : 1);
    }
    values[i] = static_cast<float>(x);
  }
  return values;
}

}  // namespace axs::codec
