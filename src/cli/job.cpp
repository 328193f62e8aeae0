#include "axs/cli/job.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>

#include "axs/config/satellites.h"
#include "axs/config/scenario.h"
#include "axs/fabric/gradient_demands.h"

namespace axs::cli {
namespace {

/// As in scenario files. What is too large for 64 bits is read as the largest number there is.
constexpr std::uint64_t seed_max = ~std::uint64_t{0} >> 1;
/// Working out the sky of a longer time would take too long.
constexpr Duration horizon_max = seconds(6 * 3600);

Result<std::uint64_t> parse_seed(const std::string& origin, std::string_view text) {
  std::uint64_t seed = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (problem == std::errc{} && end == text.data() + text.size() && seed <= seed_max) return seed;
  return Error{Errc::invalid, origin + ": \"" + std::string{text} +
                                  "\", want a whole number from 0 to " + std::to_string(seed_max)};
}

}  // namespace

void JobFlags::declare(CLI::App& app) {
  app.add_option("scenario", scenario, "The scenario, a TOML file")->required();
  app.add_option("--tle", tle, "Two-line elements to use instead of the scenario's; or AXS_TLE");
  app.add_option("--seed", seed, "Instead of the scenario's; or AXS_SEED")
      ->check(CLI::Range(std::uint64_t{0}, seed_max));
}

Result<JobOverrides> JobFlags::overrides() const {
  JobOverrides chosen{.seed = seed, .tle = tle};
  if (seed) {
    chosen.origins["seed"] = "--seed";
  } else if (const char* said = std::getenv("AXS_SEED")) {
    chosen.seed = AXS_TRY(parse_seed("AXS_SEED", said));
    chosen.origins["seed"] = "AXS_SEED";
  }
  const char* elements = std::getenv("AXS_TLE");
  if (!tle.empty()) {
    chosen.origins["sky.elements"] = "--tle";
  } else if (elements != nullptr && *elements != '\0') {
    chosen.tle = elements;
    chosen.origins["sky.elements"] = "AXS_TLE";
  }
  return chosen;
}

Result<catalog::Scenario> JobFlags::read() const {
  catalog::Scenario chosen = AXS_TRY(config::read_scenario(scenario));
  AXS_TRY(apply(chosen));
  return chosen;
}

Result<> JobFlags::apply(catalog::Scenario& chosen) const {
  const JobOverrides over = AXS_TRY(overrides());
  if (over.seed) chosen.seed = *over.seed;
  // The environment stands for every scenario, also for one without a sky.
  if (!tle.empty() && !chosen.sky)
    return Error{Errc::invalid, "--tle: the scenario " + scenario + " has no table [sky]"};
  if (!over.tle.empty() && chosen.sky) chosen.sky->satellites = over.tle;
  return Ok{};
}

std::vector<twin::WorkerSpeed> assumed_speeds(const catalog::Scenario& scenario) {
  const auto sites = static_cast<std::uint32_t>(scenario.sites.size());
  std::vector<twin::WorkerSpeed> speeds(sites);
  for (std::uint32_t i = 0; i < sites; ++i) {
    speeds[i].tokens_per_step =
        catalog::site_tokens_per_step(scenario.train, scenario.model, SiteId{i}, sites);
    speeds[i].contribution_bytes = fabric::contribution_bytes(scenario);
  }
  return speeds;
}

Duration sky_horizon(const catalog::Scenario& scenario) {
  double tokens_per_second = 0;
  for (const twin::WorkerSpeed& worker : assumed_speeds(scenario))
    tokens_per_second += static_cast<double>(worker.tokens_per_step) / worker.step.seconds();
  const double expected = static_cast<double>(scenario.train.tokens) / tokens_per_second;
  return from_seconds(std::min(60 + 3 * expected, horizon_max.seconds()));
}

Result<std::vector<fabric::LinkPlan>> plan_links(const catalog::Scenario& scenario,
                                                 Duration horizon) {
  std::vector<orbit::MeanElements> satellites;
  if (scenario.sky) satellites = AXS_TRY(config::load_satellites(*scenario.sky));
  return fabric::plan_links(scenario, satellites, horizon);
}

Result<std::vector<fabric::LinkPlan>> plan_links(const catalog::Scenario& scenario) {
  return plan_links(scenario, sky_horizon(scenario));
}

}  // namespace axs::cli
