#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "axs/plan/bundle_set.h"

namespace axs::plan {

/// What a choice of bundles has to keep to.
struct BundleDemand {
  ReplicaRange bundles{};       ///< of all sites together
  std::size_t sites_max = ~0u;  ///< that have some
  double wanted = 0;            ///< micro-batches, if of each bundle one replica is counted
};

/// Bundles that do all micro-batches.
struct BundleChoice {
  std::vector<std::pair<const Offer*, std::uint32_t>> chosen;
  double score = 0;
};

/// The bundles that do all micro-batches at the least score, if that is below `ceiling`: of the
/// sets that each site can have one is taken, or none, site by site. What has been taken is dropped
/// if something else beats it whatever work is left, or if by the prices it cannot end below the
/// ceiling. So it is exact as long as there are never more than `open_sets_max`.
class FrugalProgram {
 public:
  /// `prices` are those of the items and of the bundles of the demand.
  FrugalProgram(std::vector<BundleItem> items, const FrugalPrices& prices,
                const std::vector<SiteRoom>& sites, const StepLimits& limits,
                const BundleDemand& demand, double ceiling);

  std::optional<BundleChoice> best() const;

 private:
  void drop_useless_items();
  std::vector<BundleSet> sets_at(std::uint32_t site) const;
  std::vector<BundleSet> joined(const std::vector<BundleSet>& before,
                                const std::vector<BundleSet>& here, double later) const;
  bool is_allowed(const BundleSet& set) const;
  bool beats(const BundleSet& a, const BundleSet& b) const;
  double money_of(const BundleSet& set) const;
  BundleChoice choice_of(const BundleSet& set) const;

  std::vector<BundleItem> items_;  ///< those with cheap micro-batches first
  const FrugalPrices& prices_;
  const std::vector<SiteRoom>& sites_;
  const StepLimits& limits_;
  BundleDemand demand_;
  double ceiling_;
};

}  // namespace axs::plan
