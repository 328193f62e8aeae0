#include "axs/cli/twin_fleets.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "axs/cli/flag.h"
#include "axs/cli/progress.h"
#include "axs/cli/twin_fleets_text.h"
#include "axs/config/quantity.h"
#include "axs/config/scenario.h"
#include "axs/plan/names.h"

namespace axs::cli {
namespace {

constexpr Duration day = seconds(86'400);
constexpr Duration longest = 30 * day;  // Links through the sky are kept by the second.
/// A second and site: with three sites a used path has one in 0.32 s. At those of live agents a day
/// takes several times as long, and most of it is hellos.
constexpr double hellos = 60;

twin::FlowTwin world_of(const FleetScene& scene, std::uint32_t number) {
  twin::FlowTwin::Config config{.scenario = scene.planned.scenario,
                                .links = scene.links,
                                .fleets = scene.planned.fleets,
                                .hellos = hellos,
                                .gradients = twin::gradient_demands(scene.planned.fleets)};
  config.scenario.seed += number;
  return twin::FlowTwin{std::move(config)};
}

}  // namespace

std::vector<twin::FleetOutcome> play_seeds(const FleetScene& scene, std::uint32_t seeds) {
  std::vector<twin::FleetOutcome> outcomes(seeds);
  std::vector<std::atomic<std::int64_t>> passed(seeds);  // Of simulated time, in ns.
  std::atomic<std::uint32_t> next{0}, finished{0};
  const auto work = [&] {
    for (std::uint32_t i = next++; i < seeds; i = next++) {
      outcomes[i] = world_of(scene, i).run(scene.span, [&](Duration span) { passed[i] = span.ns; });
      passed[i] = scene.span.ns;
      ++finished;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::clamp(std::thread::hardware_concurrency(), 1u, seeds); ++i)
    threads.emplace_back(work);
  Progress progress{"simulating"};
  while (finished < seeds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    double sum = 0;
    for (const auto& each : passed) sum += static_cast<double>(each.load());
    const double share = sum / static_cast<double>(scene.span.ns) / seeds;
    progress.show(share, fmt::format("{:.1f} of {:.1f} h", share * scene.span.seconds() / 3600,
                                     scene.span.seconds() / 3600));
  }
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

Result<bool> is_of_fleets(const std::string& file) {
  const std::string text = AXS_TRY(config::read_scenario_text(file));
  const config::PlanScenario read = AXS_TRY(config::parse_plan_scenario(text, file));
  return std::ranges::any_of(read.scenario.sites, [](const catalog::Site& site) {
    return std::ranges::any_of(site.accelerators,
                               [](const auto& a) { return plan::plain_name(a.type) != "cpu"; });
  });
}

Result<std::string> fleets_text(const JobFlags& job, const FleetFlags& flags) {
  const Duration span =
      flags.span.empty() ? day : AXS_TRY(of_flag("--for", config::parse_duration(flags.span)));
  if (span <= Duration{} || span > longest)
    return Error{Errc::invalid, "--for: \"" + flags.span + "\", want a time up to 30d, like 24h"};
  const FleetScene scene = AXS_TRY(fleet_scene(job, span, flags.plan));
  const auto runs = play_seeds(scene, flags.seeds);
  return flags.json ? runs_json(scene, runs) : runs_text(scene, runs);
}

}  // namespace axs::cli
