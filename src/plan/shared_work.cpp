#include "axs/plan/shared_work.h"

#include <algorithm>

namespace axs::plan {

void SharedWork::add(const ChosenReplicas& chosen, std::int64_t replicas, std::int64_t work) {
  if (replicas == 0) return;
  groups.push_back({chosen.site, static_cast<std::uint32_t>(replicas),
                    static_cast<std::uint32_t>(work), chosen.kind->stages});
  slowest = std::max(slowest, chosen.kind->end(work));
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
    const std::int64_t less = std::min(most - 1, excess / replicas);
    excess -= less * replicas;
    const std::int64_t work = most - less;
    const std::int64_t lighter = work > 1 ? std::min(excess, replicas) : 0;
    excess -= lighter;
    shared.add(c, replicas - lighter, work);
    shared.add(c, lighter, work - 1);
  }
  return shared;
}

}  // namespace axs::plan
