#pragma once

#include <vector>

#include "axs/plan/layer_time.h"
#include "axs/plan/workload.h"

namespace axs::plan {

/// Where the time of a training step goes, seen from the stage that all others wait for. The parts
/// add up to `total`.
struct StepTime {
  Seconds products{};
  Seconds attention{};
  Seconds pointwise{};
  Seconds recompute{};
  Seconds tensor_exchange{};
  Seconds expert_exchange{};
  Seconds host{};
  Seconds embedding_and_head{};
  Seconds sharding_exchange{};  ///< of ZeRO-2, ZeRO-3 and FSDP, as far as it is exposed
  Seconds stage_transfers{};
  Seconds bubble{};         ///< waiting for the first micro-batch to come and the last to leave
  Seconds data_exchange{};  ///< of gradients, as far as it is exposed
  Seconds optimizer{};
  Seconds stragglers{};
  Seconds fixed{};  ///< clipping, loading, logging
  /// What published runs of software that nobody has looked at took longer; no plan has it.
  Seconds unexplained{};
  Seconds total{};
  /// No published run of this accelerator, of mixtures of experts or of this precision was fitted.
  bool zero_shot = false;
  /// The true time lies between total / spread and total × spread nine times of ten, as far as
  /// published runs of sources that were not fitted tell.
  double spread = 1;

  Seconds low() const { return total / spread; }
  Seconds high() const { return total * spread; }
};

/// What stragglers among so many nodes add to a step, as a share of it: `per_doubling` of the
/// nodes.
double straggling(double nodes, double per_doubling);

/// An error if the plan does not go with the shape.
Result<StepTime> step_time(const Workload& workload, const Calibration& calibration);

/// A micro-batch on a device, by the parts of a model: the same for any number of layers, stages
/// and replicas.
struct MicroBatchTime {
  Machine machine;
  LayerTime layer;
  Seconds embedding{};
  Seconds head{};
};

MicroBatchTime micro_batch_time(const Workload& workload, const Calibration& calibration);

/// A micro-batch on one stage of a plan.
struct StageTime {
  double layers = 0;
  Seconds ends{};       ///< embedding and head, where this stage has them
  Seconds transfers{};  ///< of this stage, while others wait
  Seconds computing{};  ///< all but the transfers, `ends` and exchanges of shards with it

  Seconds total() const { return computing + transfers; }
};

/// Of each stage of a plan that goes with the shape. `known` is its micro_batch_time().
std::vector<StageTime> stage_times(const Workload& workload, const SharedFit& fit,
                                   const MicroBatchTime& known);

/// What a stage of a plan that goes with the shape does in a step, without waiting for others.
StepTime stage_step(const Workload& workload, std::uint32_t stage, const SharedFit& fit,
                    const MicroBatchTime& known);

/// What a stage of the plan with 0, 1, ... `layers` layers and so many matrices of the embedding's
/// size does once in a step: its exchange of gradients or shards as far as it is exposed, and the
/// optimiser.
std::vector<Seconds> stage_ends(const Workload& workload, std::uint32_t layers, double embeddings,
                                const SharedFit& fit, const MicroBatchTime& known);

}  // namespace axs::plan
