#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "axs/plan/stage_cost.h"

namespace axs::plan {

/// Stages one after the other that are alike.
struct StageRun {
  const StageCost* cost = nullptr;
  std::uint32_t stages = 1;
  /// Chunks of each stage. More than one: there is no other run, and stages have as many layers as
  /// interleaving.h says.
  std::uint32_t virtual_stages = 1;
};

/// No way to cut `layers` layers into the stages of a pipeline has less of either.
struct PipelineBound {
  Seconds fill{};        ///< a micro-batch's way through all stages, and the longest tail of one
  Seconds bottleneck{};  ///< a micro-batch in the slowest stage
};
/// If one stage at least has `fullest` layers or more. Takes no longer for many stages than for
/// few. Runs beside each other differ. Of interleaved stages the fill is that of interleaving.h.
PipelineBound pipeline_bound(std::span<const StageRun> runs, std::uint32_t layers,
                             std::uint32_t fullest);

/// As many layers or more has one of so many stages.
constexpr std::uint32_t mean_layers(std::uint32_t layers, std::uint32_t stages) {
  return (layers + stages - 1) / stages;
}

/// The fewest layers that the fullest stage can have in a replica of so many micro-batches.
/// Nothing: the layers do not fit, at least one on each stage.
std::optional<std::uint32_t> fullest_stage(std::span<const StageRun> runs, std::uint32_t layers,
                                           double micro_batches);

}  // namespace axs::plan
