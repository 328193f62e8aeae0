#pragma once

#include "axs/plan/machine.h"
#include "axs/plan/parallel_plan.h"
#include "axs/plan/software.h"

namespace axs::plan {

/// All that a prediction depends on, beside the fitted numbers.
struct Workload {
  ModelShape shape;
  ParallelPlan plan;
  Accelerator accelerator;
  Network network;
  Software software;
};

}  // namespace axs::plan
