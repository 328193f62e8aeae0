#include "axs/plan/site_draw.h"

#include "axs/plan/breakdown.h"
#include "axs/plan/step_energy.h"

namespace axs::plan {

namespace {

/// Of all devices of a stage that draw `waiting` all the time: what they draw beyond it.
Joules beyond_waiting(const StageBreakdown& stage, Watts waiting) {
  Joules sum{};
  for (std::size_t i = 0; i < stage.parts.size(); ++i)
    if (static_cast<StepPart>(i) != StepPart::site_exchange)
      sum += stage.parts[i].energy - waiting * stage.parts[i].time;
  return sum;
}

}  // namespace

SiteDraw site_draw(const TrainingPlan& plan, const PlanBreakdown& broken, const Fleet& fleet,
                   std::uint32_t site) {
  SiteDraw draw;
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    const ReplicaGroup& group = plan.groups[g];
    if (group.site != site) continue;
    for (std::size_t s = 0; s < group.stages.size(); ++s) {
      const StageBreakdown& stage = broken.groups[g].stages[s];
      const DeviceDraw device = draw_of(fleet.types[group.stages[s].type].accelerator);
      const double devices = fleet.sites[site].supply.pue * stage.devices;
      draw.idle += devices * device.idle;
      draw.waiting += devices * device.waiting;
      draw.step += beyond_waiting(stage, devices * device.waiting);
    }
  }
  return draw;
}

std::optional<DollarsPerSecond> site_rent(const TrainingPlan& plan, const Fleet& fleet,
                                          std::uint32_t site) {
  DollarsPerSecond rent{};
  for (const ReplicaGroup& group : plan.groups) {
    if (group.site != site) continue;
    for (const PlannedStage& stage : group.stages) {
      const auto price = price_of(fleet, site, stage.type);
      if (!price) return std::nullopt;
      rent += double{1} * group.replicas * stage.tensor * plan.method.context * *price;
    }
  }
  return rent;
}

}  // namespace axs::plan
