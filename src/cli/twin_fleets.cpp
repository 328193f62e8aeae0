#include "axs/cli/twin_fleets.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "axs/cli/plan_execute.h"
#include "axs/cli/plan_search.h"
#include "axs/cli/progress.h"
#include "axs/cli/rows.h"
#include "axs/config/job.h"
#include "axs/config/plan_facts.h"
#include "axs/config/quantity.h"
#include "axs/config/satellites.h"
#include "axs/config/scenario.h"
#include "axs/plan/names.h"
#include "axs/twin/flow_twin.h"
#include "axs/twin/planned_fleets.h"

namespace axs::cli {
namespace {

constexpr Duration day = seconds(86'400);
constexpr Duration longest = 30 * day;  // Links through the sky are kept by the second.
/// A second and site: with three sites each path has one in 0.8 s. At those of live agents a day
/// takes several times as long, and most of it is hellos.
constexpr double hellos = 60;

/// All that the runs have in common.
struct Scene {
  twin::PlannedFleets planned;
  std::vector<std::string> left_out;  ///< Sites that do not train.
  std::vector<fabric::LinkPlan> links;
  Duration span;
  double tokens_per_second_apart = 0;
};

std::string joined(const std::vector<std::string>& texts) {
  return fmt::format("{}", fmt::join(texts, ", "));
}

Result<plan::TrainingPlan> plan_of(const twin::SiteJob& job, const plan::Facts& facts) {
  const plan::Search search = AXS_TRY(plan::Search::of(job.job, job.fleet, facts.calibration));
  Patience patience = AXS_TRY(Patience::create(std::nullopt));
  FoundOnCores found = AXS_TRY(search_on_cores(search, patience));
  if (found.searched < 1) return Error{Errc::unavailable, "stopped before its plan was found"};
  return std::move(found.result.plan);
}

Result<std::vector<plan::TrainingPlan>> plans_of(const std::vector<twin::SiteJob>& jobs,
                                                 const plan::Facts& facts) {
  std::vector<plan::TrainingPlan> plans;
  for (const twin::SiteJob& job : jobs) {
    auto plan = plan_of(job, facts);
    if (!plan)
      return Error{plan.error().code,
                   "site " + job.fleet.sites.front().name + ": " + plan.error().what};
    plans.push_back(*std::move(plan));
  }
  return plans;
}

/// What each site does of the plan, as a job and a plan of its own.
void deal_out(const PlannedRun& run, std::vector<twin::SiteJob>& jobs,
              std::vector<plan::TrainingPlan>& plans) {
  jobs = twin::site_jobs(run.job.job, run.job.fleet);
  std::erase_if(jobs, [&](const twin::SiteJob& job) {
    return std::ranges::find(run.plan.groups, job.site.value, &plan::ReplicaGroup::site) ==
           run.plan.groups.end();
  });
  for (twin::SiteJob& job : jobs) {
    plan::TrainingPlan& plan = plans.emplace_back(run.plan);
    std::erase_if(plan.groups, [&](const auto& group) { return group.site != job.site.value; });
    plan.step.total = site_step(run, job.site.value);
    job.job.global_batch = 0;
    for (const plan::ReplicaGroup& group : plan.groups)
      job.job.global_batch += group.replicas * group.micro_batches * plan.method.micro_batch;
  }
}

/// Of those that train: sites that do not may have been the way between them.
Result<> check_reach(const catalog::Scenario& scenario) {
  const net::Topology topology = fabric::topology_of(scenario);
  for (std::uint32_t a = 0; a < scenario.sites.size(); ++a)
    for (std::uint32_t b = a + 1; b < scenario.sites.size(); ++b)
      if (topology.paths(SiteId{a}, SiteId{b}).empty())
        return Error{Errc::invalid,
                     fmt::format("{}: no path of one or two links joins {} and {}, where it trains",
                                 scenario.name, scenario.sites[a].name, scenario.sites[b].name)};
  return Ok{};
}

Result<> check_size(const catalog::Scenario& scenario, std::uint64_t contribution) {
  if (twin::is_carried(contribution)) return Ok{};
  return Error{Errc::invalid,
               fmt::format("{}: fragments of {:.0f} MB are more than a message carries, want more "
                           "than {} of them in [train.outer]",
                           scenario.name, static_cast<double>(contribution) * 1e-6,
                           scenario.train.outer.fragments)};
}

/// Who trains, and how.
struct Cast {
  catalog::Scenario scenario;
  std::vector<twin::SiteJob> jobs{};
  std::vector<plan::TrainingPlan> plans{};
  std::vector<std::string> left_out{};
};

/// Names of the sites where nobody trains.
std::vector<std::string> left_out(const catalog::Scenario& scenario,
                                  const std::vector<twin::SiteJob>& jobs) {
  std::vector<std::string> names;
  for (const catalog::Site& site : scenario.sites)
    if (std::ranges::none_of(jobs, [&](const twin::SiteJob& job) {
          return job.fleet.sites.front().name == site.name;
        }))
      names.push_back(site.name);
  return names;
}

Result<Cast> best_of_each_site(const JobFlags& flags) {
  const plan::Facts facts = AXS_TRY(config::shipped_plan_facts());
  config::PlannedJob job = AXS_TRY(config::read_job(flags.scenario, facts));
  AXS_TRY(flags.apply(job.scenario));
  AXS_TRY(twin::playable_as_flows(job.scenario));
  auto jobs = twin::site_jobs(job.job, job.fleet);
  if (jobs.empty())
    return Error{Errc::invalid, flags.scenario + ": no site with accelerators lies in " +
                                    joined(job.job.jurisdictions) + ", where the job may run"};
  auto plans = AXS_TRY(plans_of(jobs, facts));
  auto names = left_out(job.scenario, jobs);
  return Cast{std::move(job.scenario), std::move(jobs), std::move(plans), std::move(names)};
}

Result<Cast> as_planned(const JobFlags& flags, const std::string& file) {
  PlannedRun run = AXS_TRY(read_planned_run(flags, file));
  Cast cast{.scenario = run.scenario, .left_out = {}};
  // A site alone has nobody to exchange with, however seldom.
  if (cast.scenario.sites.size() == 1) cast.scenario.train.sync = catalog::SyncMode::outer;
  AXS_TRY(twin::playable_as_flows(cast.scenario));
  deal_out(run, cast.jobs, cast.plans);
  cast.left_out = left_out(run.job.scenario, cast.jobs);
  for (std::uint32_t i = 0; i < cast.jobs.size(); ++i) cast.jobs[i].site = SiteId{i};
  return cast;
}

Result<Scene> scene_of(const JobFlags& flags, Duration span, const std::string& plan) {
  const Cast cast = AXS_TRY(plan.empty() ? best_of_each_site(flags) : as_planned(flags, plan));
  const std::uint64_t contribution = assumed_speeds(cast.scenario).front().contribution_bytes;
  AXS_TRY(check_size(cast.scenario, contribution));
  Scene scene;
  scene.span = span;
  scene.left_out = cast.left_out;
  scene.planned = twin::planned_fleets(cast.scenario, cast.jobs, cast.plans, contribution);
  const catalog::Scenario& played = scene.planned.scenario;
  AXS_TRY(check_reach(played));
  std::vector<orbit::MeanElements> satellites;
  if (played.sky) satellites = AXS_TRY(config::load_satellites(*played.sky));
  scene.links = AXS_TRY(fabric::plan_links(played, satellites, span, seconds(1)));
  scene.tokens_per_second_apart = twin::tokens_per_second_apart(played, scene.planned.fleets, span);
  return scene;
}

twin::FlowTwin world_of(const Scene& scene, std::uint32_t number) {
  twin::FlowTwin::Config config{.scenario = scene.planned.scenario,
                                .links = scene.links,
                                .fleets = scene.planned.fleets,
                                .hellos = hellos,
                                .gradients = twin::gradient_demands(scene.planned.fleets)};
  config.scenario.seed += number;
  return twin::FlowTwin{std::move(config)};
}

/// By seed.
std::vector<twin::FleetOutcome> run_on_cores(const Scene& scene, std::uint32_t seeds) {
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

/// What a run came to that seeds are compared by.
struct Figure {
  const char* key;
  const char* title;
  int decimals;
  double (*of)(const Scene& scene, const twin::FleetOutcome& run);
};

double tokens_per_second(const twin::FleetOutcome& run) {
  return static_cast<double>(run.tokens) / run.took.seconds();
}

constexpr Figure figures[] = {
    {"tokens_per_s", "TOKENS/S", 0,
     [](const Scene&, const twin::FleetOutcome& run) { return tokens_per_second(run); }},
    {"goodput", "GOODPUT", 4,
     [](const Scene&, const twin::FleetOutcome& run) { return run.goodput; }},
    {"goodput_mfu", "x MFU", 4,
     [](const Scene& scene, const twin::FleetOutcome& run) {
       return run.goodput * scene.planned.utilisation;
     }},
    {"scaling_efficiency", "SCALING", 4,
     [](const Scene& scene, const twin::FleetOutcome& run) {
       return tokens_per_second(run) / scene.tokens_per_second_apart;
     }},
    {"syncs", "SYNCS", 0,
     [](const Scene&, const twin::FleetOutcome& run) { return static_cast<double>(run.syncs); }},
    {"failures", "FAILURES", 0,
     [](const Scene&, const twin::FleetOutcome& run) { return static_cast<double>(run.failures); }},
    {"reroutes", "REROUTES", 0,
     [](const Scene&, const twin::FleetOutcome& run) { return static_cast<double>(run.reroutes); }},
    {"terabytes", "TB", 3,
     [](const Scene&, const twin::FleetOutcome& run) {
       return static_cast<double>(run.bytes) * 1e-12;
     }},
};

Rows site_rows(const Scene& scene) {
  Rows rows{{{"site", "SITE"},
             {"accelerators", "ACCELERATORS"},
             {"step_s", "STEP [s]"},
             {"tokens_per_step", "TOKENS/STEP"}},
            {}};
  for (std::size_t i = 0; i < scene.planned.fleets.size(); ++i) {
    const twin::Fleet& fleet = scene.planned.fleets[i];
    rows.rows.push_back({scene.planned.scenario.sites[i].name, std::int64_t{fleet.accelerators},
                         Decimal{fleet.speed.step.seconds() * twin::mean_slowness(fleet), 3},
                         static_cast<std::int64_t>(fleet.speed.tokens_per_step)});
  }
  return rows;
}

Rows run_rows(const Scene& scene, const std::vector<twin::FleetOutcome>& runs, bool json) {
  Rows rows{{{"seed", "SEED"}}, {}};
  for (const Figure& figure : figures) rows.columns.push_back({figure.key, figure.title});
  rows.columns.push_back({"digest", "DIGEST"});
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::vector<Cell>& row = rows.rows.emplace_back();
    row.push_back(static_cast<std::int64_t>(scene.planned.scenario.seed + i));
    for (const Figure& figure : figures)
      row.push_back(Decimal{figure.of(scene, runs[i]), figure.decimals});
    const std::string digest = to_hex(runs[i].digest);
    row.push_back(json ? digest : digest.substr(0, 16));
  }
  return rows;
}

Rows seed_rows(const Scene& scene, const std::vector<twin::FleetOutcome>& runs) {
  Rows rows{{{"figure", ""}, {"median", "MEDIAN"}, {"least", "LEAST"}, {"most", "MOST"}}, {}};
  for (const Figure& figure : figures) {
    std::vector<double> values;
    for (const twin::FleetOutcome& run : runs) values.push_back(figure.of(scene, run));
    std::ranges::sort(values);
    const double median = (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
    rows.rows.push_back({std::string{figure.key}, Decimal{median, figure.decimals},
                         Decimal{values.front(), figure.decimals},
                         Decimal{values.back(), figure.decimals}});
  }
  return rows;
}

std::string as_json(const Scene& scene, const std::vector<twin::FleetOutcome>& runs) {
  const RowsFormat format{.json = true};
  nlohmann::ordered_json document{{"version", 1},
                                  {"scenario", scene.planned.scenario.name},
                                  {"span_s", scene.span.seconds()},
                                  {"left_out", scene.left_out},
                                  {"mfu", scene.planned.utilisation},
                                  {"tokens_per_s_apart", scene.tokens_per_second_apart}};
  const auto add = [&](const Rows& rows, const std::string& name) {
    document[name] = nlohmann::ordered_json::parse(format.text(rows, name))[name];
  };
  add(site_rows(scene), "sites");
  add(run_rows(scene, runs, true), "runs");
  add(seed_rows(scene, runs), "over_seeds");
  return document.dump(2) + "\n";
}

std::string as_text(const Scene& scene, const std::vector<twin::FleetOutcome>& runs) {
  const RowsFormat format;
  std::string text = fmt::format(
      "{}: {:g} h of simulated time; each site apart: {:.0f} tokens/s at an MFU of {:.3f}\n",
      scene.planned.scenario.name, scene.span.seconds() / 3600, scene.tokens_per_second_apart,
      scene.planned.utilisation);
  if (!scene.left_out.empty())
    text +=
        "Without " + joined(scene.left_out) + ": no accelerators, or the job may not run there\n";
  text += "\n" + format.text(site_rows(scene), "sites") + "\n" +
          format.text(run_rows(scene, runs, false), "runs");
  if (runs.size() > 1) text += "\n" + format.text(seed_rows(scene, runs), "over_seeds");
  return text;
}

}  // namespace

Result<bool> is_of_fleets(const std::string& file) {
  const std::string text = AXS_TRY(config::read_scenario_text(file));
  const config::PlanScenario read = AXS_TRY(config::parse_plan_scenario(text, file));
  return std::ranges::any_of(read.scenario.sites, [](const catalog::Site& site) {
    return std::ranges::any_of(site.accelerators,
                               [](const auto& a) { return plan::plain_name(a.type) != "cpu"; });
  });
}

Result<std::string> fleets_text(const JobFlags& job, const FleetFlags& flags) {
  const Duration span = flags.span.empty() ? day : AXS_TRY(config::parse_duration(flags.span));
  if (span <= Duration{} || span > longest)
    return Error{Errc::invalid, "--for: \"" + flags.span + "\", want a time up to 30d, like 24h"};
  const Scene scene = AXS_TRY(scene_of(job, span, flags.plan));
  const auto runs = run_on_cores(scene, flags.seeds);
  return flags.json ? as_json(scene, runs) : as_text(scene, runs);
}

}  // namespace axs::cli
