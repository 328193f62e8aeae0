#pragma once

#include <cstdint>
#include <vector>

#include "axs/core/units.h"

namespace axs::plan {

/// A micro-batch on a stage, with what it exchanges.
struct TurnTime {
  Seconds forward{};
  Seconds backward{};

  Seconds both() const { return forward + backward; }
};

enum class PassKind { forward, backward, left_out };

struct Pass {
  std::uint32_t stage = 0;
  PassKind kind = PassKind::forward;
  std::uint32_t micro_batch = 0;  ///< left_out: how many there are that are like their neighbours
  std::uint32_t chunk = 0;        ///< which of the stage's layers, in order of the model
  Seconds begin{};
  Seconds end{};
};

/// What the stages of a replica do, stage by stage in the order of time.
struct PipelineSchedule {
  std::vector<Pass> passes;
  Seconds end{};
};

/// 1F1B (PipeDream-Flush, Narayanan et al. 2021): stage s of p begins with p - 1 - s forward
/// passes, then it does a forward and a backward one in turn. A pass begins as soon as the stage
/// and what it needs are ready.
///
/// What the planner counts, all stages once and the slowest one for each further micro-batch, is
/// never below this if the stages' shares of forward passes are equal. It is this where all stages
/// are equal, where the last one is the slowest and where there is one micro-batch; else it may be
/// above it, at most by the stages that come after the slowest one, which work on the last
/// micro-batches while the slowest is still busy with backward passes.
///
/// Of more than `most` micro-batches those in the middle are left out: each lasts as long as the
/// slowest stage. At least one stage and one micro-batch; `most` at least 2.
PipelineSchedule one_forward_one_backward(const std::vector<TurnTime>& stages,
                                          std::uint32_t micro_batches, std::uint32_t most);

/// The same with `chunks` chunks of layers on each stage (Megatron-Core's
/// forward_backward_pipelining_with_interleaving()): each round of p micro-batches passes the first
/// chunks, then the second ones ..., and stage s begins with 2 (p - 1 - s) + (chunks - 1) p forward
/// passes. A pass is that share of a turn. Micro-batches that the last round lacks leave their
/// places empty. Where stages are equal it ends when the planner says, see interleaving.h. Where
/// they differ, those between the first and the last at most by a factor of two, it ends no later
/// if the same quarter to half of all turns is forward. Of more than `most` micro-batches whole
/// rounds are left out, but two rounds are always shown. At least two stages and two chunks.
PipelineSchedule interleaved(const std::vector<TurnTime>& stages, std::uint32_t chunks,
                             std::uint32_t micro_batches, std::uint32_t most);

}  // namespace axs::plan
