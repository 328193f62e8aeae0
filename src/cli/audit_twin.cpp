#include "axs/cli/audit_twin.h"

#include <fmt/format.h>

#include <algorithm>

#include "axs/cli/twin_fleets.h"
#include "axs/cli/twin_fleets_text.h"
#include "axs/config/claims.h"

namespace axs::cli {
namespace {

constexpr Duration span = seconds(1200);
constexpr std::uint32_t seeds = 3;
/// Below what its exchanges need, for the claim has to be seen to fail as well.
constexpr double narrow = 1.0 / 50;

/// Scaling efficiency of each seed, the least first.
Result<std::vector<double>> efficiencies(const config::PlannedJob& job, const plan::Facts& facts) {
  const FleetScene scene = AXS_TRY(stated_scene(job, facts, span));
  std::vector<double> all;
  for (const twin::FleetOutcome& run : play_seeds(scene, seeds))
    all.push_back(scaling_efficiency(scene, run));
  std::ranges::sort(all);
  return all;
}

double gigabits(const config::PlannedJob& job) {
  return 8e-9 * job.scenario.links.front().rate_ab.value();
}

}  // namespace

Result<audit::Finding> played(audit::Finding finding, const plan::Facts& facts) {
  config::PlannedJob job =
      AXS_TRY(config::parse_job(config::shipped_thirds(), config::thirds_file, facts));
  const double rate = gigabits(job);
  const auto wide = AXS_TRY(efficiencies(job, facts));
  const std::uint64_t first = job.scenario.seed;
  for (catalog::Link& link : job.scenario.links) {
    link.rate_ab = link.rate_ab * narrow;
    link.rate_ba = link.rate_ba * narrow;
  }
  const auto thin = AXS_TRY(efficiencies(job, facts));
  const catalog::OuterRule& outer = job.scenario.train.outer;
  finding.number = fmt::format(
      "{:.1f} % at {:.3g} Gb/s, {:.1f} % at {:.3g} Gb/s, with exchanges of {} bits every {} steps "
      "in the twin; {}",
      100 * wide[seeds / 2], rate, 100 * thin[seeds / 2], gigabits(job), outer.bits, outer.period,
      finding.number);
  finding.steps.push_back("outer synchronisation by the model: " +
                          audit::interval_text(*finding.interval));
  finding.interval =
      audit::Interval{100 * wide.front(), 100 * wide.back(),
                      fmt::format("% of what three sites do by themselves, at {:.3g} Gb/s", rate),
                      fmt::format("{} to {}", first, first + seeds - 1)};
  finding.steps.push_back(
      fmt::format("in the twin, whose exchanges have all of the next period: {:.2f} to {:.2f} % at "
                  "{:.3g} Gb/s (the command with that rate in its file)",
                  100 * thin.front(), 100 * thin.back(), gigabits(job)));
  return finding;
}

}  // namespace axs::cli
