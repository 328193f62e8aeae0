#include "axs/twin/planned_fleets.h"

#include <algorithm>
#include <optional>

#include "axs/core/assert.h"
#include "axs/plan/plan_devices.h"
#include "axs/twin/flow_twin.h"

namespace axs::twin {

namespace {

/// Llama 3's 419 unexpected interruptions in 54 days of 16,384 accelerators (arXiv 2407.21783).
constexpr Duration between_failures = seconds(std::int64_t{50'700} * 3600);
/// These are assumed: the noise of steps, and how long it takes until a fleet is back, has captured
/// or merged a fragment.
constexpr double straggling = 0.002;
constexpr Duration restart = seconds(300);
constexpr Duration to_capture = milliseconds(20);
constexpr Duration to_apply = milliseconds(20);

std::optional<std::uint32_t> place_of(SiteId site, const std::vector<SiteId>& sites) {
  const auto found = std::ranges::find(sites, site);
  if (found == sites.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - sites.begin());
}

/// The fault where its site or link is now; nothing if that is gone.
std::optional<catalog::Fault> moved(const catalog::Fault& fault, const std::vector<SiteId>& sites,
                                    const std::vector<LinkId>& links) {
  catalog::Fault kept = fault;
  const auto move = [&](SiteId& site) {
    const auto place = place_of(site, sites);
    if (place) site = SiteId{*place};
    return place.has_value();
  };
  if (auto* cut = std::get_if<catalog::CutLink>(&kept.what)) {
    const auto found = std::ranges::find(links, cut->link);
    if (found == links.end()) return std::nullopt;
    cut->link = LinkId{static_cast<std::uint32_t>(found - links.begin())};
  }
  if (auto* slow = std::get_if<catalog::SlowSite>(&kept.what); slow != nullptr && !move(slow->site))
    return std::nullopt;
  auto* kill = std::get_if<catalog::KillProcess>(&kept.what);
  if (kill != nullptr && kill->site && !move(*kill->site)) return std::nullopt;
  return kept;
}

FlopsPerSecond peak_of(const plan::TrainingPlan& plan, const plan::Fleet& fleet) {
  FlopsPerSecond peak{};
  for (const plan::ReplicaGroup& group : plan.groups)
    for (const plan::PlannedStage& stage : group.stages)
      for (const plan::StagePart& part : plan::parts_of(stage, plan.method.context))
        peak += fleet.types[part.type].accelerator.peak *
                (static_cast<double>(group.replicas) * stage.tensor * part.groups);
  return peak;
}

/// The planned step has its stragglers in it, on average; a fleet draws them.
Fleet fleet_of(const SitePlan& planned) {
  const plan::TrainingPlan& plan = planned.plan;
  Fleet fleet{.accelerators = static_cast<std::uint32_t>(plan::devices_of(plan)),
              .straggling = straggling,
              .between_failures = between_failures,
              .draw = planned.draw};
  fleet.speed = {.step = from_seconds(plan.step.total.value() / mean_slowness(fleet)),
                 .capture = to_capture,
                 .apply = to_apply,
                 .start = restart};
  return fleet;
}

}  // namespace

std::vector<SiteJob> site_jobs(const plan::Job& job, const plan::Fleet& fleet) {
  std::vector<SiteJob> jobs;
  for (std::uint32_t i = 0; i < fleet.sites.size(); ++i) {
    const plan::FleetSite& site = fleet.sites[i];
    if (!site.has_devices() || !job.may_run_in(site.jurisdiction)) continue;
    SiteJob& added = jobs.emplace_back();
    added.site = SiteId{i};
    added.job = job;
    added.job.deadline.reset();  // That of all sites together.
    added.fleet.types = fleet.types;
    added.fleet.sites = {site};
  }
  for (SiteJob& each : jobs) {
    const auto sites = static_cast<std::uint32_t>(jobs.size());
    each.job.global_batch = std::max(1u, job.global_batch / sites);
    each.job.tokens = job.tokens / sites;
    if (job.limits.budget) each.job.limits.budget = *job.limits.budget / sites;
    if (job.limits.power) each.job.limits.power = *job.limits.power / sites;
  }
  return jobs;
}

catalog::Scenario at_sites(const catalog::Scenario& scenario, const std::vector<SiteId>& sites) {
  catalog::Scenario kept = scenario;
  kept.sites.clear();
  kept.links.clear();
  kept.faults.clear();
  if (kept.train.shares) kept.train.shares->sites.clear();
  for (const SiteId site : sites) {
    kept.sites.push_back(scenario.sites[site.value]);
    if (kept.train.shares)
      kept.train.shares->sites.push_back(scenario.train.shares->sites[site.value]);
  }
  std::vector<LinkId> links;
  for (std::uint32_t i = 0; i < scenario.links.size(); ++i) {
    const auto a = place_of(scenario.links[i].a, sites), b = place_of(scenario.links[i].b, sites);
    if (!a || !b) continue;
    links.push_back(LinkId{i});
    catalog::Link& link = kept.links.emplace_back(scenario.links[i]);
    link.a = SiteId{*a};
    link.b = SiteId{*b};
  }
  for (const catalog::Fault& fault : scenario.faults)
    if (const auto still = moved(fault, sites, links)) kept.faults.push_back(*still);
  return kept;
}

PlannedFleets planned_fleets(const catalog::Scenario& scenario, const std::vector<SitePlan>& plans,
                             std::uint64_t contribution_bytes) {
  PlannedFleets planned;
  std::vector<SiteId> sites;
  FlopsPerSecond needed{}, peak{};
  for (const SitePlan& site : plans) {
    const auto& [id, job, fleet] = site.work;
    sites.push_back(id);
    Fleet& added = planned.fleets.emplace_back(fleet_of(site));
    added.speed.tokens_per_step = std::uint64_t{job.global_batch} * job.sequence;
    added.speed.contribution_bytes = contribution_bytes;
    const plan::SiteSupply& supply = fleet.sites.front().supply;
    planned.bills.push_back({.rent = plan::site_rent(site.plan, fleet, 0),
                             .energy = supply.price,
                             .carbon = supply.carbon});
    const double steps_per_second = 1 / site.plan.step.total.value();
    const Flops step = plan::training_flops_per_token(job.shape, job.sequence) *
                       static_cast<double>(added.speed.tokens_per_step);
    needed += FlopsPerSecond{step.value() * steps_per_second};
    peak += peak_of(site.plan, fleet);
  }
  planned.scenario = at_sites(scenario, sites);
  planned.utilisation = needed / peak;
  return planned;
}

std::optional<Dollars> money_of(const PlannedFleets& planned, const PowerUse& power, Seconds took) {
  Dollars sum{};
  for (std::size_t i = 0; i < planned.bills.size(); ++i) {
    const SiteBill& bill = planned.bills[i];
    if (!bill.rent) return std::nullopt;
    sum += *bill.rent * took + bill.energy * power.sites[i].energy;
  }
  return sum;
}

std::optional<double> carbon_of(const PlannedFleets& planned, const PowerUse& power) {
  double sum = 0;
  for (std::size_t i = 0; i < planned.bills.size(); ++i) {
    if (!planned.bills[i].carbon) return std::nullopt;
    sum += *planned.bills[i].carbon * power.sites[i].energy.value();
  }
  return sum;
}

std::vector<net::GradientDemand> gradient_demands(const std::vector<Fleet>& fleets) {
  std::vector<SiteId> sites;
  std::uint64_t largest = 0;
  for (std::uint32_t i = 0; i < fleets.size(); ++i) {
    sites.push_back(SiteId{i});
    largest = std::max(largest, fleets[i].speed.contribution_bytes);
  }
  return net::exchange_demands(sites, Bytes{static_cast<double>(largest)});
}

double tokens_per_second_apart(const catalog::Scenario& scenario, const std::vector<Fleet>& fleets,
                               Duration span) {
  const auto sites = static_cast<std::uint32_t>(fleets.size());
  double sum = 0;
  for (std::uint32_t i = 0; i < sites; ++i) {
    catalog::Scenario alone = at_sites(scenario, {SiteId{i}});
    alone.faults.clear();
    alone.train.sequences =
        static_cast<std::uint32_t>(catalog::site_sequences(scenario.train, SiteId{i}, sites));
    FlowTwin world{{.scenario = alone, .links = {}, .fleets = {fleets[i]}}};
    const FleetOutcome outcome = world.run(span);
    sum += static_cast<double>(outcome.tokens) / outcome.took.seconds();
  }
  return sum;
}

}  // namespace axs::twin
