#pragma once

#include <vector>

#include "axs/plan/replica_choice.h"

namespace axs::plan {

/// Replicas with their work.
struct SharedWork {
  std::vector<ReplicaGroup> groups;  ///< `site`: which of those that were given
  Seconds slowest{};

  void add(const ChosenReplicas& chosen, std::int64_t replicas, std::int64_t work);
  /// All together `less` than `work` each.
  void add(const ChosenReplicas& chosen, std::int64_t replicas, std::int64_t work,
           std::int64_t less);
};

/// Each replica does what it can within `limit`, less what nobody needs: of that the first ones do
/// less first, and those that are alike do whole rounds less as far as they can. Together they must
/// be able to do all.
SharedWork share_work(const std::vector<ChosenReplicas>& chosen, const ReplicaDemand& demand,
                      Seconds limit);

}  // namespace axs::plan
