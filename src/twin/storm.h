#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/rng.h"
#include "axs/fabric/link_plan.h"
#include "axs/twin/worker_model.h"

namespace axs::twin {

/// Many faults in a short time: cuts, flapping links, bursts of loss, partitions, agents, workers
/// and the controller killed, slow sites; and clocks that agree on nothing.
struct Storm {
  catalog::Scenario scenario;
  std::vector<fabric::LinkPlan> links;
  std::vector<WorkerSpeed> workers;
  Duration over;  ///< When the last fault has ended.
};

/// A storm over three to five sites somewhere on the globe, all of it from the seed.
Storm make_storm(std::uint64_t seed);

/// The faults of a storm within `window` of the run, over any scenario: adds them to the scenario
/// and its links, and gives every site a clock of its own. Returns when the last has ended.
Duration add_faults(Rng rng, Duration window, catalog::Scenario& scenario,
                    std::vector<fabric::LinkPlan>& links);

}  // namespace axs::twin
