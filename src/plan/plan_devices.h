#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "axs/plan/training_plan.h"

namespace axs::plan {

/// Where the groups are, each once, in order.
inline std::vector<std::uint32_t> sites_of(const std::vector<ReplicaGroup>& groups) {
  std::vector<std::uint32_t> sites;
  for (const ReplicaGroup& group : groups) sites.push_back(group.site);
  std::ranges::sort(sites);
  sites.erase(std::ranges::unique(sites).begin(), sites.end());
  return sites;
}

/// Of one replica of the group.
inline std::uint64_t devices_of_replica(const Method& method, const ReplicaGroup& group) {
  std::uint64_t devices = 0;
  for (const PlannedStage& stage : group.stages) devices += stage.tensor;
  return devices * method.context;
}

/// Of all replicas of the group.
inline std::uint64_t devices_of(const Method& method, const ReplicaGroup& group) {
  return devices_of_replica(method, group) * group.replicas;
}

/// In use.
inline std::uint64_t devices_of(const TrainingPlan& plan) {
  std::uint64_t devices = 0;
  for (const ReplicaGroup& group : plan.groups) devices += devices_of(plan.method, group);
  return devices;
}

}  // namespace axs::plan
