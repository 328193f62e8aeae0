#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "axs/plan/replica_kind.h"

namespace axs::plan {

/// The kinds of replica that a unit of the search may use.
struct KindTable {
  std::vector<std::vector<ReplicaKind>> pure;  ///< by type
  std::vector<ReplicaKind> mixed;
  std::vector<NodeWidths> widths;  ///< by type
};

/// Replicas are chosen in bundles of `bundle` that are alike, so that a large fleet costs no more
/// to look at than a small one.
struct ReplicaDemand {
  std::uint32_t bundles = 1;  ///< exactly; at most for may_be_within() and sites that step apart
  std::uint32_t bundle = 1;   ///< replicas of each
  std::int64_t micro_batches = 1;

  /// Micro-batches of one replica of each bundle, all together.
  std::int64_t of_all_bundles() const { return (micro_batches + bundle - 1) / bundle; }
};

/// What groups there is room for with a `bundle`th of them.
using SiteRoom = std::vector<PoolRoom>;
SiteRoom rooms_of(const SiteDevices& devices, const std::vector<NodeWidths>& widths,
                  std::uint32_t bundle);

struct ChosenReplicas {
  std::uint32_t site = 0;  ///< which of those that were given
  const ReplicaKind* kind = nullptr;
  std::uint32_t bundles = 0;
};

/// Chooses which replicas to build from the devices of some sites. The space: in a pool up to
/// eight bundles of two kinds, or up to 64 of one kind and one odd bundle beside, or more of one
/// kind; at each site bundles of one mixed kind besides, or, of up to four bundles, one each of two
/// mixed kinds. In this space it is exact. All of that depends on the demand alone, so that more
/// devices only ever add choices.
class ReplicaChoice {
 public:
  ReplicaChoice(const KindTable& kinds, const ReplicaDemand& demand,
                const std::vector<SiteDevices>& sites);

  /// False: with no number of bundles from `least` to those of the demand, not even if replicas
  /// could be built and share the work without rounding.
  bool may_be_within(Seconds limit, std::uint32_t least) const;
  /// Replicas that together do all micro-batches within `limit`. Nothing: there are none.
  std::optional<std::vector<ChosenReplicas>> within(Seconds limit) const;

 private:
  const KindTable& kinds_;
  ReplicaDemand demand_;
  std::vector<SiteRoom> sites_;  ///< in bundles of devices
};

}  // namespace axs::plan
