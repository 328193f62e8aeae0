#include "axs/cli/twin.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "axs/cli/terminal.h"
#include "axs/config/satellites.h"
#include "axs/config/scenario.h"
#include "axs/fabric/link_plan.h"
#include "axs/twin/twin.h"

namespace axs::cli {
namespace {

constexpr Duration run_limit = seconds(24 * 3600);

/// How far ahead the sky is worked out: three times what the job takes if nothing goes wrong. In a
/// run that takes longer still, the sky stands as it was last.
Duration sky_horizon(const catalog::Train& train, const std::vector<twin::WorkerSpeed>& workers) {
  double tokens_per_second = 0;
  for (const twin::WorkerSpeed& worker : workers)
    tokens_per_second += static_cast<double>(worker.tokens_per_step) / worker.step.seconds();
  return seconds(60) + from_seconds(3 * static_cast<double>(train.tokens) / tokens_per_second);
}

Result<std::vector<fabric::LinkPlan>> plan(const catalog::Scenario& scenario, Duration horizon) {
  std::vector<orbit::MeanElements> satellites;
  if (scenario.sky) satellites = AXS_TRY(config::load_satellites(*scenario.sky));
  return fabric::plan_links(scenario, satellites, horizon);
}

/// Four-bit codes, entropy coded, with their scales: codec_bench measures it on real
/// pseudo-gradients.
constexpr double bits_per_value = 3.25;

std::vector<twin::WorkerSpeed> worker_speeds(const catalog::Scenario& scenario) {
  const auto sites = static_cast<std::uint32_t>(scenario.sites.size());
  twin::WorkerSpeed speed;
  speed.tokens_per_step =
      std::uint64_t{std::max(1u, scenario.train.sequences / sites)} * scenario.model.context;
  speed.contribution_bytes =
      static_cast<std::uint64_t>(static_cast<double>(parameter_count(scenario.model)) *
                                 bits_per_value / 8 / scenario.train.outer.fragments);
  return std::vector<twin::WorkerSpeed>(sites, speed);
}

std::string as_json(const twin::Outcome& outcome) {
  const nlohmann::ordered_json document{
      {"version", 1},
      {"finished", outcome.finished},
      {"duration_s", outcome.took.seconds()},
      {"syncs", outcome.syncs},
      {"tokens", outcome.tokens},
      {"reroutes", outcome.reroutes},
      {"packets", outcome.packets},
      {"bytes", outcome.bytes},
      {"events", outcome.events},
      {"digest", to_hex(outcome.digest)},
  };
  return document.dump(2) + "\n";
}

std::string as_text(const catalog::Scenario& scenario, const twin::Outcome& outcome) {
  return fmt::format(
      "{}: {} after {:.1f} s of simulated time\n"
      "{} syncs of {} sites, {} tokens merged, {} changes of route\n"
      "{} packets, {:.1f} MB of UDP payload, {} events\n"
      "digest {}\n",
      scenario.name, outcome.finished ? "finished" : "not finished", outcome.took.seconds(),
      outcome.syncs, scenario.sites.size(), outcome.tokens, outcome.reroutes, outcome.packets,
      static_cast<double>(outcome.bytes) * 1e-6, outcome.events, to_hex(outcome.digest));
}

}  // namespace

void TwinCommand::declare(CLI::App& app) {
  app.add_option("scenario", scenario, "The scenario, a TOML file")->required();
  app.add_option("--tle", tle, "Two-line elements to use instead of the scenario's");
  app.add_option("--seed", seed, "Instead of the scenario's");
  app.add_flag("--json", json, "Print one JSON object");
  app.footer(
      "Examples:\n"
      "  axs twin scenarios/three-continents.toml\n"
      "  axs twin scenarios/three-continents.toml --seed 7 --json");
}

Result<ExitCode> TwinCommand::run() {
  catalog::Scenario chosen = AXS_TRY(config::read_scenario(scenario));
  if (seed) chosen.seed = *seed;
  if (!tle.empty()) {
    if (!chosen.sky)
      return Error{Errc::invalid, "--tle: the scenario " + scenario + " has no table [sky]"};
    chosen.sky->satellites = tle;
  }
  auto workers = worker_speeds(chosen);
  const Duration horizon = sky_horizon(chosen.train, workers);
  auto links = AXS_TRY(plan(chosen, horizon));
  twin::Twin world{{.scenario = chosen, .links = std::move(links), .workers = std::move(workers)}};
  const twin::Outcome outcome = world.run(run_limit);
  if (chosen.sky && outcome.took > horizon)
    print_error(
        fmt::format("the run took longer than the {:.0f} s for which the sky was worked out",
                    horizon.seconds()));
  std::fputs((json ? as_json(outcome) : as_text(chosen, outcome)).c_str(), stdout);
  return outcome.finished ? ExitCode::done : ExitCode::failed;
}

}  // namespace axs::cli
