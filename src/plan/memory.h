#pragma once

#include "axs/plan/workload.h"

namespace axs::plan {

/// What one device of a pipeline stage holds at the worst moment of a step. The parts add up to
/// `total`.
struct MemoryUse {
  std::uint32_t stage = 0;
  Bytes state{};        ///< weights, gradients, optimiser
  Bytes gathered{};     ///< whole weights and gradients of sharded layers while they are in use
  Bytes activations{};  ///< kept for the backward pass, of all micro-batches in flight
  Bytes logits{};
  Bytes workspace{};  ///< what recomputation, tensor exchange and shared attention need
  Bytes overhead{};   ///< what the figure counts beside tensors, and fragments
  Bytes total{};
};

/// Of the stage that needs most. An error if the plan does not go with the shape.
Result<MemoryUse> memory_use(const Workload& workload, const MemoryFit& fit);

/// Of one stage of a plan that goes with the shape.
MemoryUse memory_of_stage(const Workload& workload, std::uint32_t stage, const MemoryFit& fit);

}  // namespace axs::plan
