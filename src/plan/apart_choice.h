#pragma once

#include <optional>
#include <vector>

#include "axs/plan/replica_choice.h"

namespace axs::plan {

/// Kinds as they are where a site has so many bundles.
struct CountedKinds {
  std::uint32_t bundles = 1;
  const KindTable* kinds = nullptr;
};

/// How many bundles a site that steps apart may have, up to `most`, few before many. It depends on
/// nothing else, so that more devices only ever add choices.
std::vector<std::uint32_t> apart_counts(std::uint32_t most);

/// Chooses replicas for sites that step apart, of which at most `sites_max` have some. Shards and
/// gradients stay within a site, so that its kinds go by its own number of bundles. At each site
/// the space is that of ReplicaChoice, and it is exact.
class ApartChoice {
 public:
  /// All sites together have `bundles`, whatever the demand says.
  ApartChoice(std::vector<CountedKinds> kinds, const ReplicaDemand& demand, ReplicaRange bundles,
              const std::vector<SiteDevices>& sites, std::size_t sites_max);

  /// Replicas that together do all micro-batches within `limit`. Nothing: there are none.
  std::optional<std::vector<ChosenReplicas>> within(Seconds limit) const;

 private:
  std::vector<CountedKinds> kinds_;
  ReplicaDemand demand_;
  ReplicaRange bundles_;
  std::vector<SiteRoom> sites_;  ///< in bundles of devices
  std::size_t sites_max_;
};

}  // namespace axs::plan
