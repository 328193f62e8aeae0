#include "axs/plan/step_energy.h"

#include <cmath>
#include <string>

#include "axs/core/dmath.h"

namespace axs::plan {

namespace {

/// Of the power between idle and the limit, by what a device does. Round and declared: products run
/// into the limit, memory alone does not, and who waits for others polls.
constexpr double multiplying = 0.95;
constexpr double moving = 0.7;
constexpr double exchanging = 0.4;
constexpr double waiting = 0.2;
/// Of power alone, in the logarithm: what the host draws is known least.
constexpr double power_width = 0.4;

}  // namespace

DeviceDraw draw_of(const Accelerator& accelerator) {
  const Watts idle = accelerator.power * accelerator.idle_share;
  const Watts host = accelerator.power * accelerator.host_share;
  const Watts active = accelerator.power - idle;
  return {.idle = idle + host,
          .waiting = idle + waiting * active + host,
          .active = active,
          .most = accelerator.power + host};
}

Seconds active_time(const StepTime& s) {
  const Seconds products = s.products + s.attention + s.recompute + s.embedding_and_head;
  const Seconds memory = s.pointwise + s.optimizer;
  const Seconds exchange = s.tensor_exchange + s.expert_exchange + s.sharding_exchange +
                           s.stage_transfers + s.data_exchange;
  return (multiplying - waiting) * products + (moving - waiting) * memory +
         (exchanging - waiting) * exchange;
}

double energy_spread(double time_spread) {
  const double time_width = dmath::log(time_spread);
  return dmath::exp(std::sqrt(time_width * time_width + power_width * power_width));
}

Result<StepEnergy> step_energy(const Workload& workload, const StepTime& step, double pue) {
  constexpr double pue_max = 10;
  if (!(pue >= 1 && pue <= pue_max))
    return Error{Errc::invalid, "pue " + std::to_string(pue) + ", want 1 to 10"};
  const Accelerator& accelerator = workload.accelerator;
  const double share = accelerator.idle_share +
                       (1 - accelerator.idle_share) * (waiting + active_time(step) / step.total);
  StepEnergy energy{.device = accelerator.power * share * step.total,
                    .host = accelerator.power * accelerator.host_share * step.total};
  energy.whole = devices(workload.plan) * pue * (energy.device + energy.host);
  energy.spread = energy_spread(step.spread);
  return energy;
}

StepCost step_cost(const Workload& workload, const StepTime& step, const StepEnergy& energy,
                   const Prices& prices) {
  return {.devices = devices(workload.plan) * (prices.device * step.total),
          .energy = prices.energy * energy.whole};
}

}  // namespace axs::plan
