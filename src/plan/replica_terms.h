#pragma once

#include "axs/core/units.h"

namespace axs::plan {

/// No sum reaches it: where there is no limit, or no choice.
inline constexpr double endless = 1e300;

/// What a replica adds to a sum over the replicas of a step.
struct ReplicaTerms {
  double second = 0;       ///< for each second that the step takes
  double micro_batch = 0;  ///< besides, for each of its own
  double step = 0;         ///< besides

  double of(Seconds time, double micro_batches) const {
    return second * time.value() + micro_batch * micro_batches + step;
  }
  void add(double times, const ReplicaTerms& each) {
    second += times * each.second;
    micro_batch += times * each.micro_batch;
    step += times * each.step;
  }
};

}  // namespace axs::plan
