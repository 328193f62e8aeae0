#pragma once

#include "axs/twin/promises.h"
#include "axs/twin/storm.h"

namespace axs::twin {

/// What a storm came to.
struct StormOutcome {
  std::vector<std::string> complaints;  ///< Promises broken; empty if all is well.
  Outcome run;
  Duration converged_after{};    ///< From the end of the last fault.
  double worst_convergence = 0;  ///< The same as a share of what was allowed ...
  double worst_black_hole = 0;   ///< ... and the longest that data stayed on a dead path.
  std::uint64_t messages = 0;
};

/// Plays it in the twin, with every promise watched, until the training is done and all is quiet.
StormOutcome ride_out(const Storm& storm);

}  // namespace axs::twin
