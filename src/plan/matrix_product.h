#pragma once

#include "axs/plan/machine.h"
#include "axs/plan/parallel_plan.h"

namespace axs::plan {

/// `batch` products of a rows × depth matrix with a depth × columns one.
struct MatrixProduct {
  double rows;
  double columns;
  double depth;
  double batch = 1;
};

/// The slower of computing and of moving the three matrices once. Computing is peak × share ×
/// depth / (depth + half depth), less what is lost where the last tiles of a row, of a column and
/// of a wave over the multiprocessors are not full; the best of the tile sizes that CUTLASS and
/// cuBLAS have is taken (NVIDIA, "Matrix Multiplication Background", tile and wave quantization); a
/// core's are as many times smaller as Machine::tile_scale says.
Seconds product_time(const MatrixProduct& product, const Machine& machine,
                     Precision precision = Precision::bf16);

}  // namespace axs::plan
