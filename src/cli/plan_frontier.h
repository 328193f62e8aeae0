#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "axs/config/job.h"
#include "axs/plan/training_plan.h"

namespace axs::cli {

/// For people: what the whole job costs, draws and emits.
std::string cost_text(const plan::PlanCost& cost);
/// The same for programs; what is not known is null.
nlohmann::ordered_json cost_json(const plan::PlanCost& cost);

/// A table of plans none of which is best in all.
std::string frontier_text(const config::PlannedJob& job,
                          const std::vector<plan::TrainingPlan>& plans);
/// One JSON object.
std::string frontier_json(const config::PlannedJob& job,
                          const std::vector<plan::TrainingPlan>& plans);

}  // namespace axs::cli
