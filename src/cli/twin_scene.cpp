#include "axs/cli/twin_scene.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "axs/cli/plan_execute.h"
#include "axs/cli/plan_wanted.h"
#include "axs/config/job.h"
#include "axs/config/plan_facts.h"
#include "axs/config/satellites.h"
#include "axs/fabric/network_forecast.h"
#include "axs/plan/breakdown.h"
#include "axs/plan/site_draw.h"
#include "axs/twin/flow_twin.h"

namespace axs::cli {
namespace {

std::string joined(const std::vector<std::string>& texts) {
  return fmt::format("{}", fmt::join(texts, ", "));
}

/// With what its machines draw. The plan is that of the site alone, as `broken` is.
twin::SitePlan site_plan(twin::SiteJob work, plan::TrainingPlan plan,
                         const plan::PlanBreakdown& broken) {
  const plan::SiteDraw draw = plan::site_draw(plan, broken, work.fleet, 0);
  return {std::move(work), std::move(plan), draw};
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

/// Who trains, and how.
struct Cast {
  catalog::Scenario scenario;
  std::vector<twin::SitePlan> plans{};
  std::string source{};
  std::vector<std::string> unmet{};
  std::vector<std::string> left_out{};
};

/// Names of the sites where nobody trains.
std::vector<std::string> left_out(const catalog::Scenario& scenario,
                                  const std::vector<twin::SitePlan>& plans) {
  std::vector<std::string> names;
  for (const catalog::Site& site : scenario.sites)
    if (std::ranges::none_of(plans, [&](const twin::SitePlan& plan) {
          return plan.work.fleet.sites.front().name == site.name;
        }))
      names.push_back(site.name);
  return names;
}

/// Adds the best plan of a site by itself.
Result<> plan_site(twin::SiteJob work, const plan::Facts& facts, Patience& patience, Cast& cast) {
  PlanOverLinks planned =
      AXS_TRY(plan_over({cast.scenario, work.job, work.fleet}, facts, patience, look_for_wanted));
  if (planned.found.searched < 1)
    return Error{Errc::unavailable, "stopped before its plan was found"};
  const std::string& unmet = planned.found.result.unmet;
  if (!unmet.empty()) cast.unmet.push_back(work.fleet.sites.front().name + ": " + unmet);
  plan::TrainingPlan& plan = planned.found.result.plan;
  const plan::PlanBreakdown broken =
      AXS_TRY(plan::breakdown(work.job, work.fleet, plan, facts.calibration));
  cast.plans.push_back(site_plan(std::move(work), std::move(plan), broken));
  return Ok{};
}

Result<Cast> best_of_each_site(const config::PlannedJob& job, const plan::Facts& facts) {
  Cast cast{.scenario = job.scenario, .source = "the exchange of [train.outer]"};
  AXS_TRY(twin::playable_as_flows(cast.scenario));
  Patience patience = AXS_TRY(Patience::create(std::nullopt));
  for (twin::SiteJob& work : twin::site_jobs(job.job, job.fleet)) {
    const std::string name = work.fleet.sites.front().name;
    if (auto done = plan_site(std::move(work), facts, patience, cast); !done)
      return Error{done.error().code, "site " + name + ": " + done.error().what};
  }
  if (cast.plans.empty())
    return Error{Errc::invalid, job.scenario.name + ": no site with accelerators lies in " +
                                    joined(job.job.jurisdictions) + ", where the job may run"};
  cast.left_out = left_out(cast.scenario, cast.plans);
  return cast;
}

/// What a site does of the plan, as a job and a plan of its own; nothing if that is nothing.
std::optional<twin::SitePlan> share_of(const PlannedRun& run, twin::SiteJob work) {
  plan::TrainingPlan plan = run.plan;
  plan::PlanBreakdown broken = run.broken;
  plan.groups.clear();
  broken.groups.clear();
  work.job.global_batch = 0;
  for (std::size_t g = 0; g < run.plan.groups.size(); ++g) {
    plan::ReplicaGroup group = run.plan.groups[g];
    if (group.site != work.site.value) continue;
    work.job.global_batch += group.replicas * group.micro_batches * plan.method.micro_batch;
    group.site = 0;  // Of its own fleet.
    plan.groups.push_back(std::move(group));
    broken.groups.push_back(run.broken.groups[g]);
  }
  if (plan.groups.empty()) return std::nullopt;
  plan.step.total = site_step(run, work.site.value);
  return site_plan(std::move(work), std::move(plan), broken);
}

Result<Cast> as_planned(const PlannedRun& run, std::string source) {
  Cast cast{.scenario = run.scenario, .source = std::move(source)};
  // A site alone has nobody to exchange with, however seldom.
  if (cast.scenario.sites.size() == 1) cast.scenario.train.sync = catalog::SyncMode::outer;
  AXS_TRY(twin::playable_as_flows(cast.scenario));
  for (twin::SiteJob& work : twin::site_jobs(run.job.job, run.job.fleet))
    if (auto plan = share_of(run, std::move(work))) {
      plan->work.site = SiteId{static_cast<std::uint32_t>(cast.plans.size())};
      cast.plans.push_back(*std::move(plan));
    }
  cast.left_out = left_out(run.job.scenario, cast.plans);
  return cast;
}

/// What axs plan would choose.
Result<Cast> best_of_all_sites(const config::PlannedJob& job, const plan::Facts& facts) {
  auto links = AXS_TRY(plan_links(job.scenario, fabric::forecast_horizon));
  Patience patience = AXS_TRY(Patience::create(std::nullopt));
  JointPlan joint = AXS_TRY(plan_jointly(job, facts, std::move(links), patience, look_for_wanted));
  plan::SearchResult& found = joint.best.found.result;
  if (joint.best.found.searched < 1)
    return Error{Errc::unavailable, "stopped before the plan was found"};
  const std::string name = "the plan of " + job.scenario.name;
  const PlannedRun run = AXS_TRY(
      planned_run(std::move(joint.best.job), std::move(found.plan), facts.calibration, name));
  Cast cast = AXS_TRY(as_planned(run, name + ", as axs plan finds it"));
  if (!found.unmet.empty()) cast.unmet.push_back(std::move(found.unmet));
  return cast;
}

Result<Cast> cast_of(const JobFlags& flags, const std::string& plan) {
  if (!plan.empty())
    return as_planned(AXS_TRY(read_planned_run(flags, plan)), "the plan in " + plan);
  const plan::Facts facts = AXS_TRY(config::shipped_plan_facts());
  config::PlannedJob job = AXS_TRY(config::read_job(flags.scenario, facts));
  AXS_TRY(flags.apply(job.scenario));
  // Playing refuses sites that exchange in every step; a plan for them would be in vain.
  const bool stated = job.states_exchange || job.scenario.train.sync != catalog::SyncMode::outer;
  return stated ? best_of_each_site(job, facts) : best_of_all_sites(job, facts);
}

/// Of sites that exchange: where and how.
std::string work_of(const Cast& cast) {
  if (cast.plans.size() < 2) return {};
  return ": " + exchange_text(cast.scenario.train.outer);
}

Result<FleetScene> scene_of(const Cast& cast, Duration span) {
  const std::uint64_t contribution = assumed_speeds(cast.scenario).front().contribution_bytes;
  FleetScene scene{.planned = twin::planned_fleets(cast.scenario, cast.plans, contribution),
                   .source = cast.source + work_of(cast),
                   .unmet = cast.unmet,
                   .left_out = cast.left_out,
                   .span = span};
  const catalog::Scenario& played = scene.planned.scenario;
  AXS_TRY(check_reach(played));
  std::vector<orbit::MeanElements> satellites;
  if (played.sky) satellites = AXS_TRY(config::load_satellites(*played.sky));
  scene.links = AXS_TRY(fabric::plan_links(played, satellites, span, seconds(1)));
  scene.tokens_per_second_apart = twin::tokens_per_second_apart(played, scene.planned.fleets, span);
  return scene;
}

}  // namespace

Result<FleetScene> fleet_scene(const JobFlags& flags, Duration span, const std::string& plan) {
  return scene_of(AXS_TRY(cast_of(flags, plan)), span);
}

Result<FleetScene> stated_scene(const config::PlannedJob& job, const plan::Facts& facts,
                                Duration span) {
  return scene_of(AXS_TRY(best_of_each_site(job, facts)), span);
}

}  // namespace axs::cli
