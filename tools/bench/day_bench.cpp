// The twin at scale: 1,024 accelerators on three continents, fibre and satellites between them, for
// a day. What tools/bench/day runs.

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "axs/config/satellites.h"
#include "axs/fabric/link_plan.h"
#include "axs/twin/flow_twin.h"
#include "processor_time.h"

namespace {

using namespace axs;

constexpr Duration day = seconds(86'400);
/// A second and site: each path has one in 0.8 s, so a cut is found within 2 s.
constexpr double hellos = 60;

/// Ten billion parameters: 8 fragments of 516 MB at 3.3 bits a value, each exchanged every 100
/// steps; a step of 4 M tokens takes 1,024 accelerators 0.6 s.
catalog::Scenario job(double gigabits, const std::string& elements) {
  catalog::Scenario scenario;
  scenario.name = "day";
  scenario.model.context = 4096;
  scenario.train.tokens = std::uint64_t{1} << 50;  // More than a day's.
  scenario.train.sequences = 975;
  scenario.train.outer.period = 100;
  scenario.train.outer.fragments = 8;
  scenario.sites = {{.name = "sfo", .at = {37.77, -122.42}},
                    {.name = "fra", .at = {50.11, 8.68}},
                    {.name = "tyo", .at = {35.68, 139.69}}};
  for (const auto kind : {catalog::LinkKind::fibre, catalog::LinkKind::leo})
    for (std::uint32_t a = 0; a < 3; ++a)
      for (std::uint32_t b = a + 1; b < 3; ++b)
        scenario.links.push_back({.a = SiteId{a},
                                  .b = SiteId{b},
                                  .kind = kind,
                                  .rate_ab = bits_per_second(gigabits * 1e9),
                                  .rate_ba = bits_per_second(gigabits * 1e9)});
  scenario.sky = {.satellites = elements, .start = *catalog::parse_utc("2025-10-08T12:00:00Z")};
  scenario.faults = {{seconds(6 * 3600), catalog::CutLink{LinkId{0}, seconds(8 * 3600)}},
                     {seconds(12 * 3600), catalog::SlowSite{SiteId{2}, 1.5, seconds(3600)}}};
  return scenario;
}

/// Llama 3's 419 unexpected interruptions in 54 days of 16,384 accelerators (arXiv 2407.21783) are
/// one in 50,700 h of each; the noise of steps and the 5 min until a fleet is back are assumed.
twin::Fleet fleet(const catalog::Scenario& scenario, std::uint32_t site) {
  const auto sites = static_cast<std::uint32_t>(scenario.sites.size());
  return {.speed = {.step = milliseconds(600),
                    .capture = milliseconds(20),
                    .apply = milliseconds(20),
                    .start = seconds(300),
                    .tokens_per_step =
                        catalog::site_tokens_per_step(scenario.train, scenario.model, sites),
                    .contribution_bytes = 516'000'000},
          .accelerators = site == 0 ? 342u : 341u,
          .straggling = 0.002,
          .between_failures = seconds(std::int64_t{50'700} * 3600)};
}

twin::FlowTwin world(const catalog::Scenario& scenario,
                     const std::vector<fabric::LinkPlan>& links) {
  std::vector<twin::Fleet> fleets;
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i) fleets.push_back(fleet(scenario, i));
  return twin::FlowTwin{{.scenario = scenario, .links = links, .fleets = fleets, .hellos = hellos}};
}

void show(Duration passed) {
  const double share = passed.seconds() / day.seconds();
  const auto full = static_cast<std::size_t>(40 * share);
  fmt::print(stderr, "\r[{}{}] {:4.1f} h", std::string(full, '='), std::string(40 - full, ' '),
             passed.seconds() / 3600);
}

/// Tokens per second of the first site alone, without links or faults.
double alone(catalog::Scenario scenario) {
  const twin::Fleet only = fleet(scenario, 0);
  scenario.sites.resize(1);
  scenario.links.clear();
  scenario.faults.clear();
  scenario.train.sequences /= 3;
  twin::FlowTwin world{{.scenario = scenario, .links = {}, .fleets = {only}}};
  return static_cast<double>(world.run(day).tokens) / day.seconds();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || std::atof(argv[2]) <= 0 || std::atoi(argv[3]) <= 0) {
    fmt::print(stderr, "usage: day_bench ELEMENTS GBITS SEEDS, both numbers above 0\n");
    return 2;
  }
  const catalog::Scenario scenario = job(std::atof(argv[2]), argv[1]);
  const auto satellites = config::load_satellites(*scenario.sky);
  if (!satellites) {
    fmt::print(stderr, "{}\n", satellites.error().what);
    return 2;
  }
  const auto links = fabric::plan_links(scenario, *satellites, day, seconds(1));
  if (!links) {
    fmt::print(stderr, "{}\n", links.error().what);
    return 2;
  }
  fmt::print("{} satellites, links of {} Gb/s; their day took {:.1f} s of processor time\n",
             satellites->size(), argv[2], processor_seconds());
  const double one_site = alone(scenario);

  const auto seeds = static_cast<std::uint64_t>(std::atoi(argv[3]));
  std::vector<twin::FleetOutcome> outcomes(seeds);
  std::atomic<std::uint64_t> next{0};
  const double before = processor_seconds();
  const auto work = [&](bool shows) {
    for (std::uint64_t i = next++; i < seeds; i = next++) {
      catalog::Scenario mine = scenario;
      mine.seed = i + 1;
      outcomes[i] = world(mine, *links).run(day, shows ? show : std::function<void(Duration)>{});
    }
  };
  std::vector<std::thread> others;
  for (std::uint64_t i = 1; i < std::min<std::uint64_t>(seeds, std::thread::hardware_concurrency());
       ++i)
    others.emplace_back(work, false);
  work(isatty(STDERR_FILENO) != 0);
  for (std::thread& thread : others) thread.join();
  fmt::print(stderr, "\r");
  for (std::uint64_t i = 0; i < seeds; ++i) {
    const twin::FleetOutcome& run = outcomes[i];
    fmt::print(
        "seed {}: goodput {:.3f}, computing {:.3f}, scaling efficiency {:.3f}; {} syncs, {} "
        "failures, {} reroutes, {:.1f} TB; {} events; {}\n",
        i + 1, run.goodput, run.computing,
        static_cast<double>(run.tokens) / run.took.seconds() / (3 * one_site), run.syncs,
        run.failures, run.reroutes, static_cast<double>(run.bytes) * 1e-12, run.events,
        to_hex(run.digest).substr(0, 16));
  }
  fmt::print("{:.1f} s of processor time a run\n",
             (processor_seconds() - before) / static_cast<double>(seeds));
  return 0;
}
