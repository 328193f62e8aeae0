#include "axs/cli/plan_jointly.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "axs/cli/plan_words.h"
#include "axs/fabric/joint_planning.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/plan_over_links.h"
#include "axs/plan/wanted_plan.h"

namespace axs::cli {
namespace {

/// The means over the forecast.
struct Route {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  BytesPerSecond rate{};
  Seconds round_trip{};
};

std::vector<Route> routes_of(const PlanOverLinks& planned) {
  const plan::Fleet& fleet = planned.job.fleet;
  const auto sites = fabric::exchange_of(planned.found.result.plan, planned.job.job).sites;
  const auto in_use = [&](std::uint32_t site) {
    return std::ranges::binary_search(sites, SiteId{site});
  };
  Seconds all{};
  for (const Seconds lasts : fleet.spells) all += lasts;
  std::vector<Route> routes;
  for (const plan::SiteLink& link : fleet.links) {
    if (!in_use(link.from) || !in_use(link.to)) continue;
    auto route = std::ranges::find_if(
        routes, [&](const Route& r) { return r.from == link.from && r.to == link.to; });
    if (route == routes.end()) route = routes.insert(route, {link.from, link.to, {}, {}});
    const double share = fleet.spells[link.spell] / all;
    route->rate += link.rate * share;
    route->round_trip += link.round_trip * share;
  }
  return routes;
}

}  // namespace

Result<PlanOverLinks> plan_over(config::PlannedJob job, const plan::Facts& facts,
                                Patience& patience, const Wish& wish,
                                std::optional<plan::TrainingPlan> known) {
  plan::Search search = AXS_TRY(plan::Search::of(job.job, job.fleet, facts.calibration));
  const bool then_frugal = plan::wants_more_than_time(job.job, job.fleet);
  const Seconds at_most = known ? known->step.total : plan::no_limit;
  FoundOnCores found = AXS_TRY(search_on_cores(search, patience, at_most, then_frugal));
  PlanOverLinks planned{std::move(job), std::move(search), std::move(found), std::move(known)};
  wish(planned, patience);
  return planned;
}

Result<JointPlan> plan_jointly(const config::PlannedJob& job, const plan::Facts& facts,
                               std::vector<fabric::LinkPlan> links, Patience& patience,
                               const Wish& wish) {
  fabric::JointPlanning joint{job.job, job.fleet, fabric::topology_of(job.scenario),
                              std::move(links)};
  const auto next = [&](std::optional<plan::TrainingPlan> known) {
    config::PlannedJob linked = job;
    linked.fleet = joint.fleet();
    return plan_over(std::move(linked), facts, patience, wish, std::move(known));
  };
  PlanOverLinks best = AXS_TRY(next(std::nullopt));
  bool more = joint.take(best.found.result.plan) && best.found.searched == 1;
  while (more) {
    // The best plan so far is a plan over these links, too.
    auto round = next(plan::over_links(joint.best().plan, job.job, joint.fleet()));
    if (!round) break;  // Stopped before it had found any.
    more = joint.take(round->found.result.plan) && round->found.searched == 1;
    if (joint.last_is_best()) best = *std::move(round);
  }
  plan::SearchResult& result = best.found.result;
  result.plan = joint.best().plan;
  best.job.fleet = joint.best().fleet;
  if (result.unmet.empty()) result.unmet = plan::missed_text(job.job, best.job.fleet, result.plan);
  return JointPlan{std::move(best), joint.rounds(), joint.first().plan};
}

std::string network_text(const JointPlan& plan) {
  std::string text;
  for (const Route& route : routes_of(plan.best)) {
    const auto& sites = plan.best.job.fleet.sites;
    text +=
        fmt::format("{}{}-{} {} in {:.0f} ms", text.empty() ? "" : ", ", sites[route.from].name,
                    sites[route.to].name, rate_text(route.rate), route.round_trip.value() * 1e3);
  }
  if (text.empty()) return text;
  // Nobody has asked the controller for routes of pipelines.
  const bool spans = plan::spans_sites(plan.best.found.result.plan);
  return (spans ? "Links between its sites carry, all together: "
                : "The controller's routes leave the plan: ") +
         text + "\n";
}

nlohmann::ordered_json network_json(const JointPlan& plan) {
  nlohmann::ordered_json document{{"rounds", plan.rounds},
                                  {"step_s_planned_apart", plan.apart.step.total.value()},
                                  {"routes", nlohmann::ordered_json::array()}};
  if (plan::spans_sites(plan.best.found.result.plan)) return document;
  for (const Route& route : routes_of(plan.best)) {
    const auto& sites = plan.best.job.fleet.sites;
    document["routes"].push_back({{"between", {sites[route.from].name, sites[route.to].name}},
                                  {"gbits_per_s", route.rate.value() * 8e-9},
                                  {"round_trip_s", route.round_trip.value()}});
  }
  return document;
}

}  // namespace axs::cli
