#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "axs/plan/training_plan.h"

namespace axs::plan {

/// Where the groups are, each once, in order.
inline std::vector<std::uint32_t> sites_of(const std::vector<ReplicaGroup>& groups) {
  std::vector<std::uint32_t> sites;
  for (const ReplicaGroup& group : groups) {
    sites.push_back(group.site);
    for (const Crossing& crossing : group.crossings) sites.push_back(crossing.site);
  }
  std::ranges::sort(sites);
  sites.erase(std::ranges::unique(sites).begin(), sites.end());
  return sites;
}

/// Whether pipelines go over links between sites.
inline bool spans_sites(const TrainingPlan& plan) {
  return std::ranges::any_of(plan.groups,
                             [](const ReplicaGroup& group) { return !group.crossings.empty(); });
}

/// All together.
inline std::uint32_t replicas_of(const std::vector<ReplicaGroup>& groups) {
  std::uint32_t replicas = 0;
  for (const ReplicaGroup& group : groups) replicas += group.replicas;
  return replicas;
}
/// Of those, at a site: of pipelines across sites where they begin.
inline std::uint32_t replicas_at(const std::vector<ReplicaGroup>& groups, std::uint32_t site) {
  std::uint32_t replicas = 0;
  for (const ReplicaGroup& group : groups)
    if (group.site == site) replicas += group.replicas;
  return replicas;
}

/// Replicas with which those at a site share gradients in every step, and shards: all, or where
/// sites step apart those of the site.
inline std::uint32_t sharing_at(const TrainingPlan& plan, std::uint32_t site) {
  return plan.outer ? replicas_at(plan.groups, site) : replicas_of(plan.groups);
}

/// The stages of a replica that are at one site, one after the other.
struct SitePart {
  std::uint32_t site = 0;
  std::size_t begin = 0;
  std::size_t end = 0;  ///< one past the last
};
inline std::vector<SitePart> site_parts(const ReplicaGroup& group) {
  std::vector<SitePart> parts{{group.site, 0, group.stages.size()}};
  for (const Crossing& crossing : group.crossings) {
    parts.back().end = crossing.stage;
    parts.push_back({crossing.site, crossing.stage, group.stages.size()});
  }
  return parts;
}

/// The devices of a stage, type by type: of a plan whose sequences are in `context` parts.
inline std::vector<StagePart> parts_of(const PlannedStage& stage, std::uint32_t context) {
  if (!stage.parts.empty()) return stage.parts;
  return {{.type = stage.type, .groups = context, .memory = stage.memory}};
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

/// Of those, at one of its sites.
inline std::uint64_t devices_at(const Method& method, const ReplicaGroup& group,
                                std::uint32_t site) {
  std::uint64_t devices = 0;
  for (std::size_t i = 0; i < group.stages.size(); ++i)
    if (group.site_of(i) == site) devices += group.stages[i].tensor;
  return devices * method.context * group.replicas;
}

/// In use.
inline std::uint64_t devices_of(const TrainingPlan& plan) {
  std::uint64_t devices = 0;
  for (const ReplicaGroup& group : plan.groups) devices += devices_of(plan.method, group);
  return devices;
}

}  // namespace axs::plan
