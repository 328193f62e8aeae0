#pragma once

#include "axs/plan/prices.h"
#include "axs/plan/step_time.h"

namespace axs::plan {

/// What a device draws with its part of host, network and fans: `idle` without a job, with one
/// `waiting` all the time, and `active` more for as long as active_time() says.
struct DeviceDraw {
  Watts idle{};
  Watts waiting{};
  Watts active{};
  Watts most{};  ///< at its limit
};
DeviceDraw draw_of(const Accelerator& accelerator);

/// How long a device would draw all of the power between idle and its limit for what these parts
/// of a step draw beyond waiting.
Seconds active_time(const StepTime& step);

/// Of energy, if the time is known within `time_spread`.
double energy_spread(double time_spread);

/// What a training step draws. Nobody publishes enough to fit this: the shares of power are
/// declared, and docs/design/025 compares them with the few figures that somebody measured.
struct StepEnergy {
  Joules device{};  ///< of one accelerator, in the mean over all
  Joules host{};    ///< of its part of host, network and fans
  Joules whole{};   ///< of all of them at the meter of the site, cooling and losses with them
  /// The true energy lies between / spread and × spread, of which the time's own spread is a part.
  double spread = 1;

  Joules low() const { return whole / spread; }
  Joules high() const { return whole * spread; }
};

/// An accelerator draws its idle share all the time, and of the rest what its work asks for: most
/// while it multiplies, little while it waits. `pue` is the energy of a site over that of its
/// machines; an error if it is none.
Result<StepEnergy> step_energy(const Workload& workload, const StepTime& step, double pue);

struct StepCost {
  Dollars devices{};
  Dollars energy{};

  Dollars total() const { return devices + energy; }
};
StepCost step_cost(const Workload& workload, const StepTime& step, const StepEnergy& energy,
                   const Prices& prices);

}  // namespace axs::plan
