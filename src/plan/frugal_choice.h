#pragma once

#include <array>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "axs/plan/fleet.h"
#include "axs/plan/replica_terms.h"
#include "axs/plan/shared_work.h"

namespace axs::plan {

inline constexpr ReplicaRange any_number{1, ~0u};

/// Devices of any type.
inline constexpr std::size_t mixed_pool = ~std::size_t{};

/// A replica that may be built at a site.
struct Offer {
  std::uint32_t site = 0;  ///< which of those that were given
  /// That its site has in all, of this offer and others of the same range.
  ReplicaRange bundles = any_number;
  const ReplicaKind* kind = nullptr;
  std::size_t pool = 0;  ///< the type of its devices, or `mixed_pool`
  std::uint32_t devices = 0;
  ReplicaTerms score{};
  ReplicaTerms money{};  ///< dollars
  Watts power{};

  static Offer of(const ReplicaKind& kind, std::uint32_t site, ReplicaRange bundles);
  /// Offers of a site with so many bundles are given in that order.
  std::pair<std::size_t, std::uint32_t> order() const { return {pool, devices}; }
  /// Whether a site may have both.
  bool is_as(const Offer& other) const { return site == other.site && bundles == other.bundles; }
};

/// What is worth a price, whoever it is of.
struct WorthOf {
  double micro_batch = 0;
  double bundle = 0;
};

/// What a step may take at most.
struct StepLimits {
  Seconds time{1e15};
  double money = endless;           ///< dollars
  Watts power{endless};             ///< of all sites
  std::vector<Watts> site_power{};  ///< by site of those that were given
};

struct BundleItem;
struct BundleChoice;
class FrugalPrices;

/// A site with so many bundles, if it has any. With a range, but for `any_number`, what is offered
/// is no worse than with each number of it.
struct CountedSite {
  std::uint32_t site = 0;
  ReplicaRange bundles = any_number;

  bool is_coarse() const { return !bundles.is_one() && bundles != any_number; }
};
/// What it offers, in order; asked again, the same ones.
using OffersOf = std::function<const std::vector<Offer>&(const CountedSite&)>;

/// Replicas with their work, and what they score in a step.
struct FrugalPlan {
  SharedWork work;
  double score = 0;
};

/// Which plan: the one that takes least, or any within the limits.
enum class Which { least, any };

/// What a choice has found.
struct FrugalFound {
  std::optional<FrugalPlan> plan{};
  bool is_best = true;  ///< else it may not be, because there was too much to choose from
};

/// What a choice is for.
struct FrugalDemand {
  ReplicaRange bundles{};    ///< of all sites together
  std::uint32_t bundle = 1;  ///< replicas of each
  std::int64_t micro_batches = 1;
  std::size_t sites_max = ~0u;  ///< that have some
  StepLimits limits{};
  Which which = Which::least;
  std::size_t open = 1;  ///< sets of bundles that are looked at at a time
};

/// Chooses from offers the replicas that do all micro-batches of a step at the least score, if a
/// step takes `step_time` of the time of the slowest replica. Any numbers of bundles of any kinds
/// that the devices allow: branch and bound over the time of the slowest replica, each node of
/// which is a dynamic program over the offers. Where these go by the number of bundles of a site,
/// ranges of numbers are halved as long as prices say that they may be in a better choice. What it
/// finds is within `close_enough` of the best, if it says so.
class FrugalChoice {
 public:
  static constexpr double close_enough = 1e-3;

  /// What `rooms` have is in bundles of devices, by site. `sites` has each of them once, with all
  /// the numbers of bundles that it may have.
  FrugalChoice(OffersOf offers, std::vector<CountedSite> sites, FrugalDemand demand,
               std::vector<SiteRoom> rooms, std::function<Seconds(Seconds)> step_time,
               std::function<bool()> stop);

  /// No score is below that or `enough`.
  double bound(double enough) const;
  /// No plan if no score is below, or if `stop` says so before one is found.
  FrugalFound below(double score) const;

 private:
  /// Of time of the slowest replica.
  struct Span {
    Seconds low, high;
    WorthOf prices{};  ///< that said most of a longer one

    std::array<Span, 2> halves() const;
  };
  /// What is known while a choice is looked for.
  struct Found {
    double ceiling;
    Which which;
    std::optional<FrugalPlan> best{};
    bool is_best = true;

    /// What is better scores less.
    double target() const { return which == Which::any && best ? 0 : ceiling * (1 - close_enough); }
  };
  /// A site with so many bundles, and what it offers that may be in a better choice.
  struct OpenSite {
    CountedSite at;
    std::vector<const Offer*> offers;
  };
  using Sites = std::vector<OpenSite>;
  using Items = std::vector<BundleItem>;
  using Chosen = std::vector<std::pair<const Offer*, std::uint32_t>>;

  Span span(double longer) const;
  Seconds in_time(Span span) const;
  Sites with_offers(const std::vector<CountedSite>& sites) const;
  Sites halved(const Sites& sites) const;
  Items items_of(const Sites& sites, Span span) const;
  struct Narrowed;
  std::optional<Narrowed> narrow(Sites& sites, Span& span, double target) const;
  static bool are_coarse(const Sites& sites);
  static void drop_useless(Items& items, Sites& sites, const FrugalPrices& prices, double target);
  FrugalPrices prices_of(const Items& items, Span span, double enough) const;
  void look(Sites sites, Span span, Found& found) const;
  void look_at_halves(Sites sites, Span span, Found& found) const;
  void look_closely(Sites sites, Span span, Found& found) const;
  double take_best(Items items, Span span, Found& found) const;
  BundleChoice best_of(const Items& items, const FrugalPrices& prices, Found& found) const;
  void take(const BundleChoice& choice, Span span, Found& found) const;
  static Chosen by_cost(const BundleChoice& choice);
  Seconds shortest(const Chosen& chosen, Seconds within) const;
  std::optional<FrugalPlan> shared(const Chosen& chosen, Seconds within) const;

  OffersOf offers_;
  std::vector<CountedSite> sites_;
  FrugalDemand demand_;
  std::vector<SiteRoom> rooms_;
  std::function<Seconds(Seconds)> step_time_;
  std::function<bool()> stop_;
  /// Micro-batches of a replica of each bundle together: parts, where not all of a bundle do as
  /// many.
  double wanted_;
  std::int64_t most_;  ///< of one replica, whole ones
};

}  // namespace axs::plan
