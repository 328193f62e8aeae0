#pragma once

#include <optional>

#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/training_plan.h"

namespace axs::plan {

/// The plan where the links between its sites are those of the fleet, whatever it was made for: its
/// sites exchange as it says, and wait for it as long as that takes then. Nothing if links do not
/// join its sites in every spell, or if pipelines go over them: these need other steps then.
/// Devices and sites are those of the fleet it was made for.
std::optional<TrainingPlan> over_links(const TrainingPlan& plan, const Job& job,
                                       const Fleet& fleet);

}  // namespace axs::plan
