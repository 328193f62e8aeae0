#pragma once

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
  Seconds total{};
  /// No published run of this accelerator's family, of mixtures of experts or of this precision
  /// was fitted.
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

}  // namespace axs::plan
