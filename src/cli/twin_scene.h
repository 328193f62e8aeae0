#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/cli/job.h"
#include "axs/config/job.h"
#include "axs/core/result.h"
#include "axs/fabric/link_plan.h"
#include "axs/twin/planned_fleets.h"

namespace axs::cli {

/// What a simulation of fleets plays; all that its seeds have in common.
struct FleetScene {
  twin::PlannedFleets planned;
  std::string source{};                 ///< Of what is played, for people.
  std::vector<std::string> unmet{};     ///< What the job asks for and its plan does not keep.
  std::vector<std::string> left_out{};  ///< Sites that do not train.
  std::vector<fabric::LinkPlan> links{};
  Duration span{};
  double tokens_per_second_apart = 0;
};

/// The job of `flags` for so long: the plan in the file `plan`; without one the exchange that the
/// job states on the best plan of each site; where it states none, the plan that axs plan finds.
Result<FleetScene> fleet_scene(const JobFlags& flags, Duration span, const std::string& plan);
/// The exchange that the job states, on the best plan of each site.
Result<FleetScene> stated_scene(const config::PlannedJob& job, const plan::Facts& facts,
                                Duration span);

}  // namespace axs::cli
