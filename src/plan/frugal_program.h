#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "axs/plan/site_sets.h"

namespace axs::plan {

/// What a choice of bundles has to keep to.
struct BundleDemand {
  ReplicaRange bundles{};       ///< of all sites together
  std::size_t sites_max = ~0u;  ///< that have some
  double wanted = 0;            ///< micro-batches, if of each bundle one replica is counted
};

/// Bundles that do all micro-batches; none: nothing is below the ceiling.
struct BundleChoice {
  std::vector<std::pair<const Offer*, std::uint32_t>> chosen{};
  double score = endless;  ///< or the ceiling
  bool is_best = true;     ///< else it may not be, because there was too much to choose from
};

/// The bundles that do all micro-batches at the least score, if that is below `ceiling`: of the
/// sets that each site can have one is taken, or none, site by site. What has been taken is dropped
/// if something else beats it whatever work is left, or if by the prices it cannot end below the
/// ceiling. It is exact as long as there are never more than `open` of these at a time.
class FrugalProgram {
 public:
  /// `prices` are those of the items, which are in their order, and of the bundles of the demand.
  FrugalProgram(std::vector<BundleItem> items, const FrugalPrices& prices,
                const std::vector<SiteRoom>& sites, const StepLimits& limits,
                const BundleDemand& demand, double ceiling);

  /// Once `stop` says so, what has been found by then.
  BundleChoice best(std::size_t open, const std::function<bool()>& stop) const;

 private:
  /// What sites that are still to come add at most.
  struct Rest {
    double gain = 0;
    double done = 0;
    std::uint32_t bundles = 0;

    /// Those of another site besides.
    Rest with(double site_gain, const std::vector<BundleSet>& sets) const;
  };

  void drop_useless_items();
  FoundSets sets_at(std::uint32_t site, std::size_t open, const std::function<bool()>& stop) const;
  FoundSets joined(const FoundSets& before, const FoundSets& here, const Rest& rest,
                   std::size_t open, const std::function<bool()>& stop) const;
  void choose(const FoundSets& before, const FoundSets& last, BundleChoice& best,
              const std::function<bool()>& stop) const;
  bool may_be_below(double score, const BundleSet& a, const BundleSet& b, const Rest& rest) const;
  bool keep_best_of(std::vector<BundleSet>& sets, std::size_t open) const;
  bool is_allowed(const BundleSet& a, const BundleSet& b) const;
  bool beats(const BundleSet& a, const BundleSet& b) const;

  std::vector<BundleItem> items_;  ///< those with cheap micro-batches first
  const FrugalPrices& prices_;
  const std::vector<SiteRoom>& sites_;
  const StepLimits& limits_;
  BundleDemand demand_;
  double ceiling_;
  bool counts_sites_;  ///< not all that have items may be in a choice
};

}  // namespace axs::plan
