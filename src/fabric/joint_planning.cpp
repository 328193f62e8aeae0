#include "axs/fabric/joint_planning.h"

#include <algorithm>
#include <span>
#include <utility>

#include "axs/plan/plan_cost.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/plan_over_links.h"
#include "axs/plan/site_groups.h"
#include "axs/plan/wanted_plan.h"

namespace axs::fabric {

PlannedExchange exchange_of(const plan::TrainingPlan& plan, const plan::Job& job) {
  PlannedExchange exchange;
  for (const std::uint32_t site : plan::sites_of(plan.groups)) exchange.sites.push_back({site});
  exchange.message = plan::fragment_size(job, plan.outer.value_or(plan::OuterSync{}));
  return exchange;
}

JointPlanning::JointPlanning(plan::Job job, plan::Fleet fleet, net::Topology topology,
                             std::vector<LinkPlan> links)
    : job_{std::move(job)},
      fleet_{std::move(fleet)},
      topology_{std::move(topology)},
      links_{std::move(links)} {
  set_links(network_forecast(links_));
}

/// Plans within the job's limits before others.
bool JointPlanning::beats_best(const plan::TrainingPlan& plan) const {
  const auto is_within = [&](const plan::TrainingPlan& one) {
    return plan::missed_limits(job_, fleet_, one).empty();
  };
  const bool within = is_within(plan);
  if (within != is_within(best_->plan)) return within;
  return plan::score_of(plan, job_.objective) < plan::score_of(best_->plan, job_.objective);
}

void JointPlanning::set_links(const NetworkForecast& network) {
  fleet_.links = network.links;
  fleet_.spells = network.spells;
}

bool JointPlanning::take(const plan::TrainingPlan& plan) {
  ++rounds_;
  if (plan::spans_sites(plan)) {
    keep(plan, plan);
    return false;
  }
  PlannedExchange exchange = exchange_of(plan, job_);
  auto asked = std::ranges::find(asked_, exchange, &Asked::exchange);
  const bool is_new = asked == asked_.end();
  if (is_new) {
    NetworkForecast left = route_forecast(topology_, links_, exchange);
    asked = asked_.insert(asked, {std::move(exchange), std::move(left)});
  }
  set_links(asked->left);
  keep(plan, plan::over_links(plan, job_, fleet_));
  return is_new && rounds_ < rounds_max;
}

void JointPlanning::keep(const plan::TrainingPlan& found,
                         const std::optional<plan::TrainingPlan>& routed) {
  if (!first_) first_ = best_ = RoutedPlan{routed.value_or(found), fleet_};
  last_is_best_ = rounds_ == 1 || (routed && beats_best(*routed));
  if (last_is_best_) best_ = RoutedPlan{routed.value_or(found), fleet_};
}

}  // namespace axs::fabric
