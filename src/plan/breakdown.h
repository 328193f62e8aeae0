#pragma once

#include <array>
#include <vector>

#include "axs/core/enums.h"
#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/layer_time.h"
#include "axs/plan/memory.h"
#include "axs/plan/sequence_split.h"
#include "axs/plan/training_plan.h"

namespace axs::plan {

/// What a device does in a step, in the order in which people are told.
enum class StepPart {
  products,
  attention,
  pointwise,
  recompute,
  embedding_and_head,
  host,
  tensor_exchange,
  expert_exchange,
  sharding_exchange,
  stage_transfers,
  link_transfers,  ///< to and from stages at other sites
  bubble,          ///< waits for other stages: at the start, at the end, between micro-batches
  data_exchange,   ///< of gradients at a site, as far as it is exposed
  optimizer,
  slower_stages,  ///< waits for the exchange and optimiser of another stage of the replica
  stragglers,
  slower_replicas,  ///< waits for replicas that end later
  site_exchange,    ///< of gradients between sites, as far as it is exposed
  fixed             ///< clipping, loading, logging
};

/// A part of a step.
struct PartCost {
  Seconds time{};
  Joules energy{};  ///< of all devices of the stage in all replicas of the group, at the meter
  Bytes sent{};     ///< by all these devices
};
using PartCosts = std::array<PartCost, enum_count<StepPart>>;

/// Whether the part is an exchange that nothing hides.
bool is_exposed_exchange(StepPart part);
/// Whether devices only wait in it.
bool is_waiting(StepPart part);

/// A stage of a replica. Its parts add up to the plan's step, whichever stage it is.
struct StageBreakdown {
  PartCosts parts;
  LayerTime layer;        ///< of a micro-batch
  Seconds micro_batch{};  ///< on this stage, forward and backward
  Seconds recomputed{};   ///< of it
  Seconds tail{};         ///< what it does after its last micro-batch
  MemoryUse memory;       ///< of each device
  double devices = 1;     ///< of this stage in all replicas of the group

  /// Of a micro-batch: a third of what is not computed again, as backward passes have two products
  /// for each one of a forward pass.
  Seconds forward() const { return (micro_batch - recomputed) / 3; }
  Seconds backward() const { return micro_batch - forward(); }
  const PartCost& operator[](StepPart part) const { return parts[static_cast<std::size_t>(part)]; }
};

/// Replicas that are alike.
struct GroupBreakdown {
  std::vector<StageBreakdown> stages;
  std::size_t slowest = 0;  ///< stage
  Seconds pipeline{};       ///< all micro-batches through all stages, without exchange
  Seconds end{};            ///< stragglers and exchange at the site included
};

/// How the sequences of stages with such parts are attended.
struct StageSplit {
  std::uint32_t tensor = 1;
  std::vector<StagePart> parts;
  SplitAttention attention;
};

/// Where time, bytes and joules of a plan's step go.
struct PlanBreakdown {
  std::vector<StageSplit> splits;  ///< each that the plan has once
  std::vector<GroupBreakdown> groups;
  std::size_t slowest = 0;  ///< group that the others wait for
  PartCosts all{};          ///< over all devices; time: in the mean over them
  Joules energy{};
};

/// `plan` is one that a search found for the job on the fleet. Energy is that at the meters of the
/// sites. An error if plan, job and fleet do not belong together.
Result<PlanBreakdown> breakdown(const Job& job, const Fleet& fleet, const TrainingPlan& plan,
                                const Calibration& calibration);

}  // namespace axs::plan
