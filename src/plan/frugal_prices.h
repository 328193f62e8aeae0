#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "axs/plan/frugal_choice.h"

namespace axs::plan {

/// What it is where a span of times begins and where it ends.
using Ends = std::array<double, 2>;

/// A bundle of an offer in a span of times of the slowest replica.
struct BundleItem {
  const Offer* offer = nullptr;
  /// Without micro-batches. In between no less than the straight line.
  Ends score{};
  /// Micro-batches. In between no more than the straight line.
  Ends capacity{};
  std::int64_t most = 0;   ///< micro-batches, at any time of the span
  double micro_batch = 0;  ///< of each of its replicas one
  double money = 0;        ///< without micro-batches, at the beginning
  double money_of_micro_batch = 0;
  Watts power{};

  /// Of a micro-batch, if it does as many as it can.
  double unit_score() const { return score[0] / static_cast<double>(most) + micro_batch; }
  /// If it were as cheap as at the beginning and did as many micro-batches as at the end.
  BundleItem at_best() const;
};

/// What a choice of bundles scores at least. A micro-batch that is done and a bundle that is there
/// are worth a price each, whoever they are of: a choice scores what all of them are worth, less
/// what its sites gain. A site gains by bundles that score less than they and their micro-batches
/// are worth: no more than all of its bundles at their best, and no more than all of its devices at
/// their best. Either is the maximum of straight lines over the span, so that a choice gains most
/// at one of its ends. That holds for any prices; those are taken that say most.
class FrugalPrices {
 public:
  /// Items that use as many devices.
  struct Alike {
    std::size_t begin = 0, end = 0;  ///< of the items in order
    double devices = 0;
    Ends least{};  ///< score of a bundle, less what its micro-batches are worth
  };
  /// Items of one type at a site, or all mixed ones there.
  struct Pool {
    std::size_t type = 0;  ///< or `mixed_pool`
    double devices = 0;    ///< at the site, as many as its power is enough for
    std::vector<Alike> alike{};
    Ends gain{};  ///< of a device, at most
  };
  /// Items of a site, if it has so many bundles.
  struct Group {
    std::uint32_t site = 0;
    ReplicaRange bundles{};
    std::uint32_t most = 0;  ///< bundles that may be in a choice and score less than is enough
    std::vector<Pool> pools{};
    Ends least{};  ///< as in Alike
    Ends gain{};   ///< of the site, at most
    Ends slope{};  ///< of that over the price of a bundle

    std::size_t begin() const { return pools.front().alike.front().begin; }
    std::size_t end() const { return pools.back().alike.back().end; }
  };

  /// Of choices whose number of bundles is in the range and whose replicas do `wanted`
  /// micro-batches if of each bundle one is counted. Items are in order of sites, bundles, offers.
  /// Once the bound reaches `enough` no better one is looked for; prices that are `known` to be
  /// good elsewhere are tried as well.
  FrugalPrices(const std::vector<BundleItem>& items, const std::vector<SiteRoom>& sites,
               const StepLimits& limits, ReplicaRange bundles, double wanted, double enough,
               const WorthOf& known);

  /// No choice scores less than that or than what is enough.
  double bound() const { return bound_; }
  const WorthOf& prices() const { return prices_; }
  /// What all bundles and micro-batches are worth, at the least.
  double worth() const;
  /// At the beginning of the span, of all sites and of one.
  double gain() const { return gain_[0]; }
  double gain_at(std::uint32_t site) const { return ends_at(site)[0]; }
  const Group& group_of(const Offer& offer) const;
  /// Of a bundle, less what its micro-batches are worth.
  Ends score_of(const BundleItem& item) const;
  /// No choice that has the item scores less than that or than what is enough.
  double bound_with(const BundleItem& item) const;

 private:
  /// The bound over the price of a bundle.
  struct Line {
    double value;
    double slope;
  };
  /// Of a site, and its slope over the price of a bundle.
  struct Gain {
    Ends of{};
    Ends slope{};

    double most() const { return std::max(of[0], of[1]); }
  };

  void group(const std::vector<BundleItem>& items, const std::vector<SiteRoom>& sites);
  void limit_bundles(double enough);
  void limit_devices(const StepLimits& limits);
  bool may_do_all() const;
  double most_of(const Group& group) const;
  void look_for_better(double enough);
  void set_micro_batch(double price);
  double bound_with(const WorthOf& prices);
  double best_at(double price);
  Line bound_at(double bundle);
  Gain by_bundles(const Group& group) const;
  Gain by_devices(Group& group) const;
  void set_gains(Group& group) const;
  void list_sites();
  Ends ends_at(std::uint32_t site) const;

  ReplicaRange bundles_;
  double wanted_;
  std::vector<const BundleItem*> items_;  ///< while prices are looked for
  std::vector<Group> groups_;             ///< in order of sites and bundles
  WorthOf prices_{};
  Ends gain_{};              ///< of all sites
  std::vector<Ends> sites_;  ///< gain of each
  double bound_ = endless;
};

}  // namespace axs::plan
