#include "axs/plan/wanted_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "axs/plan/plan_cost.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/rounded.h"

namespace axs::plan {

namespace {

/// From one plan of the frontier to the next, at least.
constexpr double step_of_frontier = 1.15;

ThriftLimits limits_of(const Job& job) {
  ThriftLimits limits;
  if (job.deadline) limits.duration = *job.deadline;
  if (job.limits.budget) limits.money = *job.limits.budget;
  if (job.limits.power) limits.power = *job.limits.power;
  return limits;
}

Thrift thrift_of(const Job& job) {
  switch (job.objective) {
    case Objective::money:
      return Thrift::money;
    case Objective::energy:
      return Thrift::energy;
    case Objective::carbon:
      return Thrift::carbon;
    case Objective::time:
      break;
  }
  return job.limits.budget ? Thrift::money : Thrift::power;
}

/// What of a limit a plan misses, which is "the cheapest plan" or so.
std::string too_slow(Seconds limit, const std::string& which, const TrainingPlan& plan) {
  const std::string wanted = span_text(limit), needed = span_text(plan.duration);
  return "deadline: " + wanted + " from now, " + which + " needs " +
         (needed != wanted ? needed : span_text(plan.duration - limit) + " more");
}
std::string too_hungry(Watts limit, const std::string& which, Watts drawn) {
  return ": " + power_text(limit) + ", " + which + " needs " + power_text(drawn);
}
std::string too_hungry(Watts limit, const std::string& which, const TrainingPlan& plan) {
  return "power" + too_hungry(limit, which, plan.cost.power);
}
std::string too_dear(Dollars limit, const std::string& which, const TrainingPlan& plan) {
  return "budget: " + rounded(limit.value()) + " $, " + which + " costs " +
         rounded(plan.cost.money->value()) + " $";
}

/// Of the job, "power: "; of a site, "power of sfo: ".
std::string limit_of(const std::string& missed) {
  return missed.substr(0, missed.find(':'));
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
  return all;
}

/// What is wanted of one search, and what is known.
class Wanted {
 public:
  Wanted(const FrugalSearch& search, const Job& job, const TrainingPlan& fastest,
         const FrugalSearch::Watch& watch, const std::optional<TrainingPlan>& known)
      : search_{search}, job_{job}, fastest_{fastest}, watch_{watch}, limits_{limits_of(job)} {
    known_.push_back(fastest);
    if (known) known_.push_back(*known);
  }
  Wanted(const Wanted&) = delete;
  Wanted& operator=(const Wanted&) = delete;

  WantedPlan plan() {
    if (fastest_.duration > limits_.duration)
      return {fastest_, too_slow(limits_.duration, "the fastest plan found", fastest_)};
    if (job_.objective == Objective::time && is_within(fastest_, limits_, search_.fleet()))
      return {fastest_, {}};
    auto found = job_.objective == Objective::time ? fastest() : best(thrift_of(job_), limits_);
    if (!found) return found_none();
    return {*std::move(found), {}};
  }

 private:
  std::optional<TrainingPlan> best(Thrift thrift, const ThriftLimits& limits) {
    return search_.best(thrift, limits, known_, watch_);
  }
  std::optional<TrainingPlan> fastest() {
    return search_.fastest(thrift_of(job_), limits_, known_, fastest_.duration, watch_);
  }

  /// A search that was stopped proves nothing of what there is not.
  WantedPlan found_none() {
    WantedPlan near = nearest();
    if (watch_(1)) return near;
    return {fastest_, "limits: the search was stopped before it found a plan that keeps them"};
  }

  /// One limit after the other, then those that cannot be kept together.
  WantedPlan nearest() {
    const auto modest = best(Thrift::power, {});
    if (!modest) return {fastest_, "power of sites: no plan keeps the limits"};
    if (modest->cost.power > limits_.power)
      return {*modest, too_hungry(limits_.power, "the plan that draws least", *modest)};
    const auto cheapest = job_.limits.budget ? best(Thrift::money, {}) : std::nullopt;
    if (cheapest && *cheapest->cost.money > limits_.money)
      return {*cheapest, too_dear(limits_.money, "the cheapest plan", *cheapest)};
    ThriftLimits without = limits_;
    without.money = ThriftLimits{}.money;
    if (auto cheap = cheapest ? best(Thrift::money, without) : std::nullopt)
      return {*cheap, too_dear(limits_.money, "the cheapest plan within the other limits", *cheap)};
    without.power = ThriftLimits{}.power;
    if (auto low = best(Thrift::power, without))
      return {*low,
              too_hungry(limits_.power, "the plan within the deadline that draws least", *low)};
    return {fastest_, "power: no plan within the deadline keeps the limits of the sites"};
  }

  const FrugalSearch& search_;
  const Job& job_;
  const TrainingPlan& fastest_;
  const FrugalSearch::Watch& watch_;
  ThriftLimits limits_;
  std::vector<TrainingPlan> known_{};
};

}  // namespace

WantedPlan wanted_plan(const FrugalSearch& search, const Job& job, const TrainingPlan& fastest,
                       const FrugalSearch::Watch& watch, const std::optional<TrainingPlan>& known) {
  WantedPlan found = Wanted{search, job, fastest, watch, known}.plan();
  if (found.unmet.empty()) return found;
  for (const std::string& missed : missed_limits(job, search.fleet(), found.plan))
    if (limit_of(missed) != limit_of(found.unmet)) found.unmet += "; " + missed;
  return found;
}

std::vector<std::string> missed_limits(const Job& job, const Fleet& fleet,
                                       const TrainingPlan& plan) {
  std::vector<std::string> missed;
  const std::string which = "the plan";
  if (job.deadline && plan.duration > *job.deadline)
    missed.push_back(too_slow(*job.deadline, which, plan));
  const auto& [budget, power] = job.limits;
  if (budget && plan.cost.money && *plan.cost.money > *budget)
    missed.push_back(too_dear(*budget, which, plan));
  if (power && plan.cost.power > *power) missed.push_back(too_hungry(*power, which, plan));
  const std::vector<Watts> drawn = site_power(plan, fleet);
  for (std::size_t i = 0; i < drawn.size(); ++i)
    if (const auto& limit = fleet.sites[i].supply.limit; limit && drawn[i] > *limit)
      missed.push_back("power of " + fleet.sites[i].name + too_hungry(*limit, which, drawn[i]) +
                       " there");
  return missed;
}

std::string missed_text(const Job& job, const Fleet& fleet, const TrainingPlan& plan) {
  return joined(missed_limits(job, fleet, plan));
}

bool wants_more_than_time(const Job& job, const Fleet& fleet) {
  return job.objective != Objective::time || job.limits.budget || job.limits.power ||
         std::ranges::any_of(fleet.sites,
                             [](const FleetSite& site) { return site.supply.limit.has_value(); });
}

/// From the slowest to the fastest: each plan shows how far the next one may be from it.
std::vector<TrainingPlan> frontier(const FrugalSearch& search, const Job& job, Thrift thrift,
                                   const TrainingPlan& fastest, const FrugalSearch::Watch& watch) {
  std::vector<TrainingPlan> plans;
  // As the search is exact within a thousandth only, a faster plan may take less.
  const auto add = [&](TrainingPlan plan) {
    const double score = step_score(plan, thrift, job);
    while (!plans.empty() && step_score(plans.back(), thrift, job) >= score) plans.pop_back();
    plans.push_back(std::move(plan));
  };
  ThriftLimits limits = limits_of(job);
  while (auto plan = search.best(thrift, limits, {fastest}, watch)) {
    limits.duration = plan->duration / step_of_frontier;
    add(*std::move(plan));
    if (limits.duration <= fastest.duration) break;
  }
  if (is_within(fastest, limits_of(job), search.fleet()) &&
      (plans.empty() || plans.back().duration > fastest.duration))
    add(fastest);
  std::ranges::reverse(plans);
  return plans;
}

}  // namespace axs::plan
