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
  Seconds begin{};
  Seconds end{};
};

/// What the stages of a replica do, stage by stage in the order of time.
struct PipelineSchedule {
  std::vector<Pass> passes;
  Seconds end{};
};

/// 1F1B without interleaving (PipeDream-Flush, Narayanan et al. 2021): stage s of p begins with p -
/// 1 - s forward passes, then it does a forward and a backward one in turn. A pass begins as soon
/// as the stage and what it needs are ready.
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

}  // namespace axs::plan
