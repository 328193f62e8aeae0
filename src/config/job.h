#pragma once

#include <string>
#include <string_view>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"
#include "axs/plan/facts.h"
#include "axs/plan/fleet.h"
#include "axs/plan/job.h"

namespace axs::config {

/// A scenario as the planner sees it: [model], [train] and [plan] make the job, [[site]] the fleet.
struct PlannedJob {
  catalog::Scenario scenario;
  plan::Job job;
  plan::Fleet fleet;             ///< without links: what they carry follows from physics
  bool states_exchange = false;  ///< as PlanScenario has it
};

/// The job that a TOML text describes, of models too that our own workers do not train; `file` is
/// its name for errors and the base of relative paths in it. Errors name file, line, key, what was
/// seen and what was wanted; an accelerator that the catalogue lacks is one.
Result<PlannedJob> parse_job(std::string_view text, const std::string& file,
                             const plan::Facts& facts);
Result<PlannedJob> read_job(const std::string& file, const plan::Facts& facts);

}  // namespace axs::config
