#pragma once

#include <string>
#include <string_view>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"
#include "axs/core/units.h"
#include "axs/plan/parallel_plan.h"

namespace axs::config {

/// The scenario that a TOML text describes; `file` is its name for errors and the base of relative
/// paths in it. Errors name file, line, key, what was seen and what was wanted.
Result<catalog::Scenario> parse_scenario(std::string_view text, const std::string& file);

/// The table [plan] of a scenario.
struct PlanWishes {
  plan::Precision precision = plan::Precision::bf16;
  std::optional<Seconds> deadline;         ///< from now
  std::vector<std::string> jurisdictions;  ///< where the job may run; empty: anywhere
};
struct PlanScenario {
  catalog::Scenario scenario;
  PlanWishes wishes;
};

/// The same for the planner: of models too that our own workers do not train.
Result<PlanScenario> parse_plan_scenario(std::string_view text, const std::string& file);

/// The text of such a file.
Result<std::string> read_scenario_text(const std::string& file);
/// The scenario in a file.
Result<catalog::Scenario> read_scenario(const std::string& file);

}  // namespace axs::config
