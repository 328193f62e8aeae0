#include "axs/plan/shared_work.h"

#include <algorithm>

namespace axs::plan {

void SharedWork::add(const ChosenReplicas& chosen, std::int64_t replicas, std::int64_t work) {
  if (replicas == 0) return;
  groups.push_back({.site = chosen.site,
                    .replicas = static_cast<std::uint32_t>(replicas),
                    .micro_batches = static_cast<std::uint32_t>(work),
                    .stages = chosen.kind->stages,
                    .virtual_stages = chosen.kind->virtual_stages});
  slowest = std::max(slowest, chosen.kind->end(work));
}

/// Rounds are evenly left out; what is no whole round, the first of those with most work do less.
void SharedWork::add(const ChosenReplicas& chosen, std::int64_t replicas, std::int64_t work,
                     std::int64_t less) {
  const std::int64_t round = chosen.kind->round;
  const std::int64_t rounds = std::min(less / round, replicas * ((work - 1) / round));
  const std::int64_t lighter = rounds % replicas, heavier = replicas - lighter;
  const std::int64_t most = work - rounds / replicas * round;
  const std::int64_t rest = less - rounds * round;
  const std::int64_t least = most - rest / heavier;
  add(chosen, heavier - rest % heavier, least);
  add(chosen, rest % heavier, least - 1);
  add(chosen, lighter, most - round);
}

SharedWork share_work(const std::vector<ChosenReplicas>& chosen, const ReplicaDemand& demand,
                      Seconds limit) {
  SharedWork shared;
  std::int64_t excess = -demand.micro_batches;
  for (const ChosenReplicas& c : chosen)
    excess +=
        std::int64_t{c.bundles} * demand.bundle * c.kind->capacity(limit, demand.micro_batches);
  for (const ChosenReplicas& c : chosen) {
    const std::int64_t replicas = std::int64_t{c.bundles} * demand.bundle;
    const std::int64_t most = c.kind->capacity(limit, demand.micro_batches);
    const std::int64_t less = std::min(excess, replicas * (most - 1));
    excess -= less;
    shared.add(c, replicas, most, less);
  }
  return shared;
}

}  // namespace axs::plan
