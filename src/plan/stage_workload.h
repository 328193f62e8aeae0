#pragma once

#include <cstdint>

#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/training_plan.h"
#include "axs/plan/workload.h"

namespace axs::plan {

/// What one device of a tensor group does for a method, with `replicas` replicas of one stage and a
/// micro-batch for each. A stage may have any of the layers: it is priced as if all were of the
/// larger kind.
Workload stage_workload(const Job& job, const Method& method, const DeviceType& type,
                        std::uint32_t tensor, std::uint32_t replicas);

}  // namespace axs::plan
