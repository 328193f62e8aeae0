#include "axs/cli/config.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "axs/config/scenario.h"
#include "axs/config/settings.h"

namespace axs::cli {
namespace {

std::string as_json(const std::vector<config::Setting>& settings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const config::Setting& setting : settings)
    list.push_back({{"table", setting.table},
                    {"key", setting.key},
                    {"value", nlohmann::ordered_json::parse(setting.value)},
                    {"origin", setting.origin}});
  return nlohmann::ordered_json{{"version", 1}, {"settings", list}}.dump(2) + "\n";
}

}  // namespace

void ConfigCommand::declare(CLI::App& app) {
  CLI::App* show = app.add_subcommand("show", "Print every value, defaults included");
  app.require_subcommand(1);
  job.declare(*show);
  show->add_flag("--json", json, "Print one JSON object");
  show->footer(
      "What is printed is a scenario file itself.\n"
      "Examples:\n"
      "  axs config show scenarios/three-continents.toml\n"
      "  axs config show scenarios/three-continents.toml --seed 7 --json");
}

Result<ExitCode> ConfigCommand::run() {
  catalog::Scenario scenario = AXS_TRY(job.read());
  const std::string text = AXS_TRY(config::read_scenario_text(job.scenario));
  config::PlanScenario listed = AXS_TRY(config::parse_plan_scenario(text, job.scenario));
  listed.scenario = std::move(scenario);
  JobOverrides over = AXS_TRY(job.overrides());
  if (!listed.scenario.sky) over.origins.erase("sky.elements");
  const auto settings = AXS_TRY(config::settings_of(listed, text, over.origins));
  std::fputs((json ? as_json(settings) : config::to_toml(settings)).c_str(), stdout);
  return ExitCode::done;
}

}  // namespace axs::cli
