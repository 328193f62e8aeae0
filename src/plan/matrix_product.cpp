#include "axs/plan/matrix_product.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "axs/core/assert.h"

namespace axs::plan {

namespace {

struct Tile {
  double rows;
  double columns;
  double efficiency;  ///< over the largest, whose operands are read least often
};
/// The order is CUTLASS's profiler's; the efficiencies are round and not fitted.
constexpr std::array tiles{Tile{256, 128, 1.0}, Tile{128, 256, 1.0}, Tile{128, 128, 0.95},
                           Tile{256, 64, 0.9},  Tile{64, 256, 0.9},  Tile{128, 64, 0.83},
                           Tile{64, 64, 0.7}};
constexpr double element_bytes = 2;

/// The share of the multiprocessors' work that is not padding.
double filled(const MatrixProduct& p, const Tile& tile, const Machine& machine) {
  const double rows = tile.rows * machine.tile_scale, columns = tile.columns * machine.tile_scale;
  const double count = std::ceil(p.rows / rows) * std::ceil(p.columns / columns) * p.batch;
  const double waves = count / machine.multiprocessors;
  const double of_tiles = p.rows * p.columns * p.batch / (count * rows * columns);
  return of_tiles * waves / std::ceil(waves);
}

/// Half the width again gains as much again: the data sheets of Blackwell double twice.
double gain_of(Precision precision, const Machine& machine) {
  switch (precision) {
    case Precision::bf16:
      return 1;
    case Precision::fp8:
      return machine.fp8_gain;
    case Precision::fp4:
      return machine.fp8_gain * machine.fp8_gain;
  }
  AXS_ASSERT(false);
}

}  // namespace

Seconds product_time(const MatrixProduct& p, const Machine& machine, Precision precision) {
  double best = 0;
  for (const Tile& tile : tiles) best = std::max(best, tile.efficiency * filled(p, tile, machine));
  const double gain = gain_of(std::min(precision, machine.fastest), machine);
  const FlopsPerSecond rate =
      machine.products * (gain * best * p.depth / (p.depth + machine.half_depth));
  const Flops work{2 * p.rows * p.columns * p.depth * p.batch};
  const double elements = p.rows * p.depth + p.depth * p.columns + p.rows * p.columns;
  const Bytes moved{element_bytes * p.batch * elements};
  return std::max(work / rate, moved / machine.memory);
}

}  // namespace axs::plan
