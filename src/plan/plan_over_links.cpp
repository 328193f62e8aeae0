#include "axs/plan/plan_over_links.h"

#include "axs/plan/plan_cost.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/site_groups.h"
#include "axs/plan/step_energy.h"

namespace axs::plan {

namespace {

/// What its sites wait for in a step that takes `inside` without.
std::optional<Seconds> waiting(const TrainingPlan& plan, const Job& job, const Fleet& fleet,
                               Seconds inside) {
  const auto sites = sites_of(plan.groups);
  if (sites.size() == 1) return Seconds{};
  for (const SiteGroup& group : site_groups(fleet, job, sites)) {
    if (group.sites.size() != sites.size()) continue;
    for (const SiteExchange& way : group.ways)
      if (plan.outer ? way.how.sync == *plan.outer : way.how.sync.period == 1)
        return way.exposed(inside);
  }
  return std::nullopt;
}

/// Of devices that wait for so long, in all steps.
void add_waiting(TrainingPlan& plan, Seconds longer, const Fleet& fleet) {
  PlanCost& cost = plan.cost;
  for (const ReplicaGroup& group : plan.groups) {
    const SiteSupply& supply = fleet.sites[group.site].supply;
    Watts waiting{};
    for (const PlannedStage& stage : group.stages)
      for (const StagePart& part : parts_of(stage, plan.method.context))
        waiting += double{1} * stage.tensor * part.groups *
                   draw_of(fleet.types[part.type].accelerator).waiting;
    const Joules energy = group.replicas * supply.pue * (waiting * longer);
    cost.energy += energy;
    if (cost.carbon) *cost.carbon += *supply.carbon * energy.value();
    const auto rent = rent_of(group.stages, plan.method.context, fleet, group.site);
    if (cost.money) *cost.money += group.replicas * (*rent * longer) + supply.price * energy;
  }
}

}  // namespace

std::optional<TrainingPlan> over_links(const TrainingPlan& plan, const Job& job,
                                       const Fleet& fleet) {
  if (spans_sites(plan)) return std::nullopt;
  const Seconds inside = plan.step.replicas + plan.step.fixed;
  const auto waits = waiting(plan, job, fleet, inside);
  if (!waits) return std::nullopt;
  TrainingPlan timed = plan;
  timed.step.sites = *waits;
  timed.step.total = inside + *waits;
  timed.tokens_per_second =
      static_cast<double>(job.global_batch) * job.sequence / timed.step.total.value();
  timed.duration = steps(job) * timed.step.total;
  add_waiting(timed, timed.duration - plan.duration, fleet);
  return timed;
}

}  // namespace axs::plan
