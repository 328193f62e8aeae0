#include "axs/plan/unit_kinds.h"

#include "axs/core/assert.h"

namespace axs::plan {

const KindBuilder& UnitKinds::builder(ReplicaRange bundles) {
  const std::pair key{bundles.least, bundles.most};
  if (const auto known = builders_.find(key); known != builders_.end()) return known->second;
  return builders_.emplace(key, search_.builder_for(unit_, bundles)).first->second;
}

const BuiltKinds& UnitKinds::of(ReplicaRange bundles) {
  const std::pair key{bundles.least, bundles.most};
  if (const auto known = built_.find(key); known != built_.end()) return known->second;
  const KindBuilder& builder = this->builder(bundles);
  KindNeed need{limit_, bundles.most};
  const std::int64_t all = search_.micro_batches(search_.methods_[unit_.method].method);
  if (!unit_.apart)
    need.micro_batches = ReplicaDemand{bundles.most, unit_.bundle, all}.of_all_bundles();
  const auto families = search_.families(builder, unit_.pipelines, need);
  KindTable table = search_.cut(builder, families, limit_, stop_);
  return built_.emplace(key, BuiltKinds{builder, std::move(table)}).first->second;
}

BuilderOfSite UnitKinds::builders(const std::vector<ReplicaGroup>& replicas,
                                  const SiteGroup& group) {
  std::vector<std::uint32_t> counts(search_.devices_.size());
  for (const ReplicaGroup& alike : replicas) counts[group.sites[alike.site]] += alike.replicas;
  BuilderOfSite builders(counts.size());
  for (std::size_t site = 0; site < counts.size(); ++site) {
    if (counts[site] == 0) continue;
    // Replicas of a bundle may differ in micro-batches, so that groups are no whole bundles.
    AXS_ASSERT(counts[site] % unit_.bundle == 0);
    const std::uint32_t bundles = counts[site] / unit_.bundle;
    builders[site] = &builder({bundles, bundles});
  }
  return builders;
}

}  // namespace axs::plan
