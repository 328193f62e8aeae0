#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "axs/plan/bundle_set.h"

namespace axs::plan {

/// What no set of bundles may exceed.
struct SetLimits {
  double score = endless;  ///< of a choice that it is part of
  double money = endless;
  Watts power{};
  std::size_t open = 1;  ///< so many sets at a time: of more the most promising ones are kept
};

/// Sets of bundles of a site.
struct FoundSets {
  std::vector<BundleSet> sets{};
  bool are_all = true;  ///< none was dropped because there were too many
};

/// The sets of bundles that a site can have of the items of a group of the prices. Any number of
/// each item, but of more than `bundles_with_an_odd_one` of a pool all are alike, as in the search
/// for time. Sets are left out that another one beats whatever work they do, or that, by the
/// prices, are in no choice that scores less than the limit.
class SiteSets {
 public:
  /// Of a site that has so many devices. `numbers`: of the group's items in the list. `others`:
  /// what all other sites gain.
  SiteSets(const SiteRoom& room, const std::vector<BundleItem>& items,
           const std::vector<std::uint32_t>& numbers, const FrugalPrices& prices, double others,
           double wanted, const SetLimits& limits);

  /// Once `stop` says so, none.
  FoundSets all(const std::function<bool()>& stop) const;

 private:
  static constexpr std::size_t types_max = 8;

  /// A set that may grow.
  struct Open {
    BundleSet set{};
    std::array<PoolRoom, types_max> left{};
    std::array<std::uint32_t, types_max> in_pool{};  ///< bundles
  };

  /// An item in the order in which they are added: those of a type one after the other, so that
  /// soon nothing asks for what is left of it.
  struct Next {
    std::uint32_t number;  ///< in the list
    double reduced;        ///< score of a bundle, less what its work is worth
    double gain;           ///< of a device, by that
  };
  /// What bundles of the items from one on can be.
  struct Later {
    double least = endless;                ///< score of one, less what its work is worth
    std::array<double, types_max> gain{};  ///< of a device of each type, at most
    /// Of each type a bundle uses up to so many devices, and one per watt.
    std::array<double, types_max> devices{}, devices_per_watt{};
    double gain_of_mixed = 0;  ///< of a device of any type
  };

  std::vector<Next> in_order(const std::vector<std::uint32_t>& numbers) const;
  void list_later();
  std::vector<Open> with_some(const std::vector<Open>& open, std::size_t next) const;
  bool add(Open& open, const Next& next, std::uint32_t count) const;
  bool are_all_alike() const;
  /// Of a type, that a set can still use.
  double devices(const BundleSet& set, const Later& later, std::size_t type) const;
  /// If items from `next` on are still to come.
  bool beats(const Open& a, const Open& b, std::size_t next) const;
  bool is_hopeless(const Open& open, std::size_t next) const;
  /// Of a choice that has the set and any items from `next` on.
  double least_score(const Open& open, std::size_t next) const;
  double gain(const Open& open, std::size_t next) const;

  const SiteRoom& room_;
  const std::vector<BundleItem>& items_;
  const FrugalPrices& prices_;
  const FrugalPrices::Group& group_;
  double others_;
  double wanted_;
  SetLimits limits_;
  std::vector<Next> order_;
  std::vector<Later> later_;  ///< of the items from each on, and of none
};

}  // namespace axs::plan
