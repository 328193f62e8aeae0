#include "axs/plan/site_draw.h"

#include "axs/plan/breakdown.h"
#include "axs/plan/plan_cost.h"
#include "axs/plan/plan_devices.h"
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
      Watts waiting{};
      for (const StagePart& part : parts_of(group.stages[s], plan.method.context)) {
        const DeviceDraw device = draw_of(fleet.types[part.type].accelerator);
        const double devices =
            fleet.sites[site].supply.pue * group.replicas * group.stages[s].tensor * part.groups;
        draw.idle += devices * device.idle;
        waiting += devices * device.waiting;
      }
      draw.waiting += waiting;
      draw.step += beyond_waiting(broken.groups[g].stages[s], waiting);
    }
  }
  return draw;
}

std::optional<DollarsPerSecond> site_rent(const TrainingPlan& plan, const Fleet& fleet,
                                          std::uint32_t site) {
  DollarsPerSecond rent{};
  for (const ReplicaGroup& group : plan.groups) {
    if (group.site != site) continue;
    const auto one = rent_of(group.stages, plan.method.context, fleet, site);
    if (!one) return std::nullopt;
    rent += group.replicas * *one;
  }
  return rent;
}

}  // namespace axs::plan
