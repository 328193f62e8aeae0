#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "axs/plan/counted_kinds.h"

namespace axs::plan {

/// Replicas of sites that step apart.
struct ApartDemand {
  ReplicaDemand replicas;     ///< of so many bundles or fewer
  std::size_t sites_max = 1;  ///< that have some
};

/// Chooses replicas for sites that step apart. Shards and gradients stay within a site, so that its
/// kinds go by its own number of bundles, which may be any. At each site the space is that of
/// ReplicaChoice, and it is exact: what a site does within a time is bounded by kinds of ranges of
/// numbers, and those that would be chosen are made finer until they are exact.
class ApartChoice {
 public:
  /// Once `stop` says so, nothing is possible.
  ApartChoice(KindsByCount& kinds, const ApartDemand& demand, const std::vector<SiteDevices>& sites,
              std::function<bool()> stop);
  ~ApartChoice();

  /// Whether there are replicas that together do all micro-batches within `limit`. No longer limit
  /// than one that was possible may be asked for from then on.
  bool is_possible(Seconds limit);
  /// Those, or nothing. What has been asked for before makes no difference.
  std::optional<std::vector<ChosenReplicas>> within(Seconds limit);

 private:
  class Options;

  KindsByCount& kinds_;
  ApartDemand demand_;
  std::function<bool()> stop_;
  std::vector<SiteRoom> sites_;            ///< in bundles of devices
  std::vector<std::uint32_t> parts_;       ///< of the kinds, that may be of use
  std::vector<std::uint32_t> latest_;      ///< bundles of each site that did all in time
  std::unique_ptr<const Options> before_;  ///< for the last limit that was asked for
};

}  // namespace axs::plan
