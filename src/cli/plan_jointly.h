#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "axs/cli/plan_search.h"
#include "axs/config/job.h"
#include "axs/fabric/link_plan.h"

namespace axs::cli {

/// A job with links as its plan counts with them.
struct PlanOverLinks {
  config::PlannedJob job;
  plan::Search search;
  FoundOnCores found;
  std::optional<plan::TrainingPlan> known{};  ///< over other links, as it is over these
};

/// Solved together with the routes that the controller gives to the plan's gradients: links are as
/// these leave them to the plan.
struct JointPlan {
  PlanOverLinks best;
  std::uint32_t rounds = 1;  ///< plans that were looked for
  /// What the plan would take that was found without any thought of routes.
  plan::TrainingPlan apart{};
};

/// Takes the place of what the search for the fastest plan found, if something else is wanted.
using Wish = std::function<void(PlanOverLinks&, Patience&)>;

/// Searches on all cores, as search_on_cores() does, over the links of the job's fleet.
Result<PlanOverLinks> plan_over(config::PlannedJob job, const plan::Facts& facts,
                                Patience& patience, const Wish& wish,
                                std::optional<plan::TrainingPlan> known = std::nullopt);

/// The same once for each forecast of the network; `links`
/// are those of the job's scenario. `patience` is for all rounds.
Result<JointPlan> plan_jointly(const config::PlannedJob& job, const plan::Facts& facts,
                               std::vector<fabric::LinkPlan> links, Patience& patience,
                               const Wish& wish);

/// For people: what the sites of the plan have between them. Empty for one site.
std::string network_text(const JointPlan& plan);
nlohmann::ordered_json network_json(const JointPlan& plan);

}  // namespace axs::cli
