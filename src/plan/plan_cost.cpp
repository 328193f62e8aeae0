#include "axs/plan/plan_cost.h"

#include <utility>

#include "axs/core/assert.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/spanning_pipelines.h"
#include "axs/plan/step_energy.h"

namespace axs::plan {

namespace {

void add(std::optional<Dollars>& sum, std::optional<Dollars> more) {
  sum = sum && more ? std::optional{*sum + *more} : std::nullopt;
}

/// Of devices at a site, with its price of energy if any money is known.
void add_energy(PlanCost& cost, Joules energy, const SiteSupply& supply) {
  cost.energy += energy;
  if (cost.money) *cost.money += supply.price * energy;
  cost.carbon = cost.carbon && supply.carbon
                    ? std::optional{*cost.carbon + *supply.carbon * energy.value()}
                    : std::nullopt;
}

/// If both lie between others.
bool is_priced_alike(const PlannedStage& a, const PlannedStage& b) {
  return a.layers == b.layers && have_same_devices(a, b);
}

/// Of a stage.
struct ActiveTime {
  Seconds micro_batch{};
  Seconds step{};  ///< exchange of gradients and optimiser
};

/// It grows by the same for each micro-batch.
ActiveTime active_times(const StageCost& cost, std::uint32_t layers, StagePlace place,
                        Seconds transfers) {
  const auto of = [&](std::uint32_t micro_batches) {
    StepTime step = cost.step(layers, place, micro_batches);
    step.stage_transfers = micro_batches * transfers;
    return active_time(step);
  };
  const Seconds one = of(1);
  const Seconds micro_batch = of(2) - one;
  return {micro_batch, one - micro_batch};
}

/// Of the stages at one of a pipeline's sites.
PipelineDraw draw_of(const SitePart& part, const ReplicaGroup& group,
                     const std::vector<LinkTransfers>& links, const KindBuilder& builder,
                     const Fleet& fleet) {
  const std::vector<PlannedStage>& stages = group.stages;
  PipelineDraw draw;
  ActiveTime active;
  std::vector<const StageCost*> costs;
  for (const PlannedStage& stage : stages) costs.push_back(&builder.cost(stage));
  Seconds transfers{};
  for (std::size_t i = part.begin; i < part.end; ++i) {
    const PlannedStage& stage = stages[i];
    const StagePlace place = place_of(i, stages.size());
    const Seconds before =
        std::exchange(transfers, group.virtual_stages * transfers_of(costs, i, links));
    const bool same = i > std::max<std::size_t>(part.begin, 1) && !place.last &&
                      is_priced_alike(stage, stages[i - 1]) && transfers == before;
    if (!same) active = active_times(*costs[i], stage.layers, place, transfers);
    for (const StagePart& beside : parts_of(stage, builder.method().context)) {
      const DeviceDraw device = draw_of(fleet.types[beside.type].accelerator);
      const double devices = double{1} * stage.tensor * beside.groups;
      draw.waiting += devices * device.waiting;
      draw.most += devices * device.most;
      draw.micro_batch += devices * device.active * active.micro_batch;
      draw.step += devices * device.active * active.step;
    }
  }
  return draw;
}

}  // namespace

PipelineDraw draw_of(const std::vector<PlannedStage>& stages, std::uint32_t virtual_stages,
                     const KindBuilder& builder, const Fleet& fleet) {
  const ReplicaGroup one{.stages = stages, .virtual_stages = virtual_stages};
  return draw_of({.site = 0, .begin = 0, .end = stages.size()}, one, {}, builder, fleet);
}

std::optional<DollarsPerSecond> rent_of(const std::vector<PlannedStage>& stages,
                                        std::uint32_t context, const Fleet& fleet,
                                        std::uint32_t site) {
  DollarsPerSecond rent{};
  for (const PlannedStage& stage : stages)
    for (const StagePart& part : parts_of(stage, context)) {
      const auto price = price_of(fleet, site, part.type);
      if (!price) return std::nullopt;
      rent += double{1} * stage.tensor * part.groups * *price;
    }
  return rent;
}

PlanCost cost_of(const TrainingPlan& plan, double steps, const BuilderOfSite& builders,
                 const Fleet& fleet) {
  PlanCost cost{.money = Dollars{}, .carbon = 0};
  bool pays_energy = false;
  const double replicas = replicas_of(plan.groups);
  for (const ReplicaGroup& group : plan.groups) {
    const KindBuilder& builder = *builders[group.site];
    const Bytes activations = activations_of(builder.cost(group.stages.front()));
    const auto links = links_of(fleet, group, activations, replicas);
    AXS_ASSERT(links);
    for (const SitePart& part : site_parts(group)) {
      const SiteSupply& supply = fleet.sites[part.site].supply;
      const PipelineDraw draw = draw_of(part, group, *links, builder, fleet);
      const Joules energy =
          steps * group.replicas * supply.pue * draw.energy(plan.step.total, group.micro_batches);
      const auto rent = rent_of({group.stages.begin() + static_cast<std::ptrdiff_t>(part.begin),
                                 group.stages.begin() + static_cast<std::ptrdiff_t>(part.end)},
                                plan.method.context, fleet, part.site);
      add_energy(cost, energy, supply);
      add(cost.money,
          rent ? std::optional{steps * group.replicas * (*rent * plan.step.total)} : std::nullopt);
      pays_energy = pays_energy || supply.price.value() > 0;
    }
  }
  for (const Watts power : site_power(plan, fleet)) cost.power += power;
  cost.energy_spread = energy_spread(plan.step.spread);
  cost.money_spread = pays_energy ? cost.energy_spread : plan.step.spread;
  return cost;
}

std::vector<Watts> site_power(const TrainingPlan& plan, const Fleet& fleet) {
  std::vector<Watts> power(fleet.sites.size());
  for (const ReplicaGroup& group : plan.groups)
    for (std::size_t i = 0; i < group.stages.size(); ++i) {
      const PlannedStage& stage = group.stages[i];
      const std::uint32_t site = group.site_of(i);
      for (const StagePart& part : parts_of(stage, plan.method.context))
        power[site] += fleet.sites[site].supply.pue * group.replicas * stage.tensor * part.groups *
                       draw_of(fleet.types[part.type].accelerator).most;
    }
  return power;
}

std::optional<double> score_of(const TrainingPlan& plan, Objective objective) {
  switch (objective) {
    case Objective::time:
      return plan.duration.value();
    case Objective::money:
      return plan.cost.money ? std::optional{plan.cost.money->value()} : std::nullopt;
    case Objective::energy:
      return plan.cost.energy.value();
    case Objective::carbon:
      break;
  }
  return plan.cost.carbon;
}

Result<> check_known(const Job& job, const Fleet& fleet, const std::vector<std::uint32_t>& sites) {
  const bool money = job.objective == Objective::money || job.limits.budget;
  for (const std::uint32_t site : sites) {
    const FleetSite& at = fleet.sites[site];
    if (!at.has_devices()) continue;
    if (job.objective == Objective::carbon && !at.supply.carbon)
      return Error{Errc::invalid, "site " + at.name +
                                      ": carbon of its energy is not known, want carbon = GRAMS "
                                      "for a kWh"};
    for (const Pool& pool : at.pools)
      if (money && pool.devices > 0 && !price_of(fleet, site, pool.type))
        return Error{Errc::invalid,
                     "site " + at.name + ": the catalogue has no price of " +
                         fleet.types[pool.type].accelerator.name +
                         ", want price = DOLLARS for an hour of a device beside its type"};
  }
  return Ok{};
}

}  // namespace axs::plan
