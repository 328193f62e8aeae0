#pragma once

#include "axs/plan/replica_kind.h"

namespace axs::plan {

/// What the devices of a pipeline draw with their hosts, without cooling: `waiting` all the time,
/// and more for each micro-batch and at the end of a step.
struct PipelineDraw {
  Watts waiting{};
  Joules micro_batch{};
  Joules step{};
  Watts most{};  ///< at the limit of all devices

  Joules energy(Seconds step_time, double micro_batches) const {
    return waiting * step_time + micro_batches * micro_batch + step;
  }
};
/// `builder` has made the kind of which these are the stages, with as many chunks each.
PipelineDraw draw_of(const std::vector<PlannedStage>& stages, std::uint32_t virtual_stages,
                     const KindBuilder& builder, const Fleet& fleet);

/// Of devices of these stages, with sequences in `context` parts, for rent at a site. Empty: one
/// has no price.
std::optional<DollarsPerSecond> rent_of(const std::vector<PlannedStage>& stages,
                                        std::uint32_t context, const Fleet& fleet,
                                        std::uint32_t site);

/// What so many steps of the plan take. `builders` have made its replicas.
PlanCost cost_of(const TrainingPlan& plan, double steps, const BuilderOfSite& builders,
                 const Fleet& fleet);

/// Of each site, as PlanCost::power counts it.
std::vector<Watts> site_power(const TrainingPlan& plan, const Fleet& fleet);

/// Of the cost, what the objective counts: seconds, dollars, joules or kg. Empty: not known.
std::optional<double> score_of(const TrainingPlan& plan, Objective objective);

/// What the objective or the budget need and the fleet does not say of a device at one of `sites`.
Result<> check_known(const Job& job, const Fleet& fleet, const std::vector<std::uint32_t>& sites);

}  // namespace axs::plan
