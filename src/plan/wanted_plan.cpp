#include "axs/plan/wanted_plan.h"

#include <algorithm>
#include <cmath>

#include "axs/plan/plan_cost.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/rounded.h"

namespace axs::plan {

namespace {

constexpr double day = 86400;
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

/// What is wanted of one search, and what is known.
class Wanted {
 public:
  Wanted(const FrugalSearch& search, const Job& job, const TrainingPlan& fastest,
         const FrugalSearch::Watch& watch)
      : search_{search}, job_{job}, fastest_{fastest}, watch_{watch}, limits_{limits_of(job)} {}
  Wanted(const Wanted&) = delete;
  Wanted& operator=(const Wanted&) = delete;

  WantedPlan plan() {
    if (fastest_.duration > limits_.duration) return {fastest_, too_slow()};
    if (job_.objective == Objective::time && search_.is_within(fastest_, limits_))
      return {fastest_, {}};
    auto found = best(thrift_of(job_), limits_);
    if (!found) return found_none();
    if (job_.objective == Objective::time) return {*fastest_within(std::move(found)), {}};
    return {*std::move(found), {}};
  }

 private:
  std::optional<TrainingPlan> best(Thrift thrift, const ThriftLimits& limits) {
    return search_.best(thrift, limits, fastest_, [this](double share) {
      stopped_ = !watch_(share) || stopped_;
      return !stopped_;
    });
  }

  /// A search that was stopped proves nothing of what there is not.
  WantedPlan found_none() {
    if (spans_sites(fastest_))
      return {fastest_,
              "limits: the fastest plan, which has pipelines across sites, does not keep them; "
              "other plans of that kind are not looked at for them, and none else was found"};
    WantedPlan near = nearest();
    if (!stopped_) return near;
    return {fastest_, "limits: the search was stopped before it found a plan that keeps them"};
  }

  /// Halves the time between what no plan can do and what `found` does.
  std::optional<TrainingPlan> fastest_within(std::optional<TrainingPlan> found) {
    Seconds low = fastest_.duration;
    while (found->duration > low * (1 + FrugalChoice::close_enough)) {
      ThriftLimits limits = limits_;
      limits.duration = Seconds{std::sqrt(low.value() * found->duration.value())};
      auto faster = best(thrift_of(job_), limits);
      if (faster)
        found = std::move(faster);
      else
        low = limits.duration;
    }
    return found;
  }

  /// One limit after the other, then those that cannot be kept together.
  WantedPlan nearest() {
    const auto modest = best(Thrift::power, {});
    if (!modest) return {fastest_, "power: no plan keeps the limits of the sites"};
    if (modest->cost.power > limits_.power)
      return {*modest, too_hungry(*modest, "the plan that draws least")};
    const auto cheapest = job_.limits.budget ? best(Thrift::money, {}) : std::nullopt;
    if (cheapest && *cheapest->cost.money > limits_.money)
      return {*cheapest, too_dear(*cheapest, "the cheapest plan")};
    ThriftLimits without = limits_;
    without.money = ThriftLimits{}.money;
    if (auto cheap = cheapest ? best(Thrift::money, without) : std::nullopt)
      return {*cheap, too_dear(*cheap, "the cheapest plan within the other limits")};
    without.power = ThriftLimits{}.power;
    if (auto low = best(Thrift::power, without))
      return {*low, too_hungry(*low, "the plan within the deadline that draws least")};
    return {fastest_, "power: no plan within the deadline keeps the limits of the sites"};
  }

  std::string too_slow() const {
    return "deadline: " + rounded(limits_.duration.value() / day) +
           " days from now, the fastest plan found needs " +
           rounded(fastest_.duration.value() / day);
  }
  std::string too_hungry(const TrainingPlan& plan, const std::string& which) const {
    return "power: " + rounded(limits_.power.value() / 1000) + " kW, " + which + " needs " +
           rounded(plan.cost.power.value() / 1000);
  }
  std::string too_dear(const TrainingPlan& plan, const std::string& which) const {
    return "budget: " + rounded(limits_.money.value()) + " $, " + which + " costs " +
           rounded(plan.cost.money->value());
  }

  const FrugalSearch& search_;
  const Job& job_;
  const TrainingPlan& fastest_;
  const FrugalSearch::Watch& watch_;
  ThriftLimits limits_;
  bool stopped_ = false;
};

}  // namespace

WantedPlan wanted_plan(const FrugalSearch& search, const Job& job, const TrainingPlan& fastest,
                       const FrugalSearch::Watch& watch) {
  return Wanted{search, job, fastest, watch}.plan();
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
    const double score = search.step_score(plan, thrift);
    while (!plans.empty() && search.step_score(plans.back(), thrift) >= score) plans.pop_back();
    plans.push_back(std::move(plan));
  };
  ThriftLimits limits = limits_of(job);
  while (auto plan = search.best(thrift, limits, fastest, watch)) {
    limits.duration = plan->duration / step_of_frontier;
    add(*std::move(plan));
    if (limits.duration <= fastest.duration) break;
  }
  if (search.is_within(fastest, limits_of(job)) &&
      (plans.empty() || plans.back().duration > fastest.duration))
    add(fastest);
  std::ranges::reverse(plans);
  return plans;
}

}  // namespace axs::plan
