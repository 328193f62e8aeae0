#pragma once

#include <cstdint>

#include "axs/plan/training_plan.h"

namespace axs::plan {

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
