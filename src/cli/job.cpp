#include "axs/cli/job.h"

#include <CLI/CLI.hpp>

#include "axs/config/satellites.h"
#include "axs/config/scenario.h"

namespace axs::cli {
namespace {

/// Four-bit codes, entropy coded, with their scales: codec_bench measures it on real
/// pseudo-gradients.
constexpr double bits_per_value = 3.25;
/// As in scenario files. What is too large for 64 bits is read as the largest number there is.
constexpr std::uint64_t seed_max = ~std::uint64_t{0} >> 1;
/// Working out the sky of a longer time would take too long.
constexpr Duration horizon_max = seconds(6 * 3600);

}  // namespace

void JobFlags::declare(CLI::App& app) {
  app.add_option("scenario", scenario, "The scenario, a TOML file")->required();
  app.add_option("--tle", tle, "Two-line elements to use instead of the scenario's");
  app.add_option("--seed", seed, "Instead of the scenario's")
      ->check(CLI::Range(std::uint64_t{0}, seed_max));
}

Result<catalog::Scenario> JobFlags::read() const {
  catalog::Scenario chosen = AXS_TRY(config::read_scenario(scenario));
  if (seed) chosen.seed = *seed;
  if (tle.empty()) return chosen;
  if (!chosen.sky)
    return Error{Errc::invalid, "--tle: the scenario " + scenario + " has no table [sky]"};
  chosen.sky->satellites = tle;
  return chosen;
}

std::vector<twin::WorkerSpeed> assumed_speeds(const catalog::Scenario& scenario) {
  const auto sites = static_cast<std::uint32_t>(scenario.sites.size());
  twin::WorkerSpeed speed;
  speed.tokens_per_step = catalog::site_tokens_per_step(scenario.train, scenario.model, sites);
  speed.contribution_bytes =
      static_cast<std::uint64_t>(static_cast<double>(parameter_count(scenario.model)) *
                                 bits_per_value / 8 / scenario.train.outer.fragments);
  return std::vector<twin::WorkerSpeed>(sites, speed);
}

Duration sky_horizon(const catalog::Scenario& scenario) {
  double tokens_per_second = 0;
  for (const twin::WorkerSpeed& worker : assumed_speeds(scenario))
    tokens_per_second += static_cast<double>(worker.tokens_per_step) / worker.step.seconds();
  const double expected = static_cast<double>(scenario.train.tokens) / tokens_per_second;
  return from_seconds(std::min(60 + 3 * expected, horizon_max.seconds()));
}

Result<std::vector<fabric::LinkPlan>> plan_links(const catalog::Scenario& scenario) {
  std::vector<orbit::MeanElements> satellites;
  if (scenario.sky) satellites = AXS_TRY(config::load_satellites(*scenario.sky));
  return fabric::plan_links(scenario, satellites, sky_horizon(scenario));
}

}  // namespace axs::cli
