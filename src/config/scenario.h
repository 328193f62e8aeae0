#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"
#include "axs/core/units.h"
#include "axs/plan/facts.h"
#include "axs/plan/job.h"

namespace axs::config {

/// Of an outer exchange.
inline constexpr std::uint32_t period_max = 1 << 20;
inline constexpr std::uint32_t fragments_max = 64;

/// The scenario that a TOML text describes; `file` is its name for errors and the base of relative
/// paths in it. Errors name file, line, key, what was seen and what was wanted.
Result<catalog::Scenario> parse_scenario(std::string_view text, const std::string& file);

/// What devices and energy of a site cost.
struct SiteTerms {
  double pue = 1.2;                       ///< energy of the site over that of its machines
  double dollars_per_kwh = 0;             ///< 0: the price of the devices has it
  std::optional<double> grams_per_kwh{};  ///< of CO2
  std::optional<Watts> power{};           ///< that the site may draw
  /// Of a device of each of the site's accelerators; none: what the catalogue says.
  std::vector<std::optional<double>> dollars_per_hour{};

  bool operator==(const SiteTerms&) const = default;
};

/// What only the planner reads of a scenario: the table [plan], and terms of the sites.
struct PlanWishes {
  plan::Precision precision = plan::Precision::bf16;
  plan::Objective objective = plan::Objective::time;
  std::optional<Seconds> deadline;  ///< from now
  plan::PlanLimits limits;
  std::vector<std::string> jurisdictions;  ///< where the job may run; empty: anywhere
  std::vector<SiteTerms> sites;            ///< one for each of the scenario's

  bool operator==(const PlanWishes&) const = default;
};
struct PlanScenario {
  catalog::Scenario scenario;
  PlanWishes wishes;
  /// [train.outer] says how often sites exchange, or in how many fragments: no plan has to.
  bool states_exchange = false;
  std::vector<plan::AcceleratorFacts> accelerators{};  ///< that the job brings, before any others
};

/// The same for the planner: of models too that our own workers do not train.
Result<PlanScenario> parse_plan_scenario(std::string_view text, const std::string& file);

/// The text of such a file.
Result<std::string> read_scenario_text(const std::string& file);
/// The scenario in a file.
Result<catalog::Scenario> read_scenario(const std::string& file);

}  // namespace axs::config
