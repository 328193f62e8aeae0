#pragma once

#include <array>
#include <functional>
#include <map>
#include <vector>

#include "axs/plan/apart_search.h"
#include "axs/plan/frugal_choice.h"
#include "axs/plan/search.h"

namespace axs::plan {

/// What a plan shall take little of. power: that of all machines in use at their limit.
enum class Thrift { money, energy, carbon, power };

/// What a plan may take at most, over the whole job.
struct ThriftLimits {
  Seconds duration = no_limit;
  Dollars money{endless};
  Watts power{endless};
};

/// The search for the plan that takes least of something, over the methods, numbers of replicas,
/// pipelines and groups of sites of the search for the fastest one. Within
/// FrugalChoice::close_enough of the best of them, so that added devices never make a plan worse by
/// more.
/// docs/design/030-plan-objectives.md has the space and what it leaves out.
class FrugalSearch {
 public:
  /// `search` must outlive it, and its fleet must say what is asked for: see check_known().
  explicit FrugalSearch(const Search& search) : search_{search} {}

  /// Is told the share of the search that is done, also within its units; false ends it.
  using Watch = std::function<bool(double)>;

  /// Nothing: there is none within the limits. `known` are plans to do better than; if one of them
  /// is within the limits and nothing is better, it is what is given back. The limits of sites are
  /// kept, too. `any`: what takes little is only looked at first.
  std::optional<TrainingPlan> best(Thrift thrift, const ThriftLimits& limits,
                                   const std::vector<TrainingPlan>& known, const Watch& watch,
                                   Which which = Which::least) const;

  const Fleet& fleet() const { return search_.fleet(); }

  /// What a step of the plan takes.
  double step_score(const TrainingPlan& plan, Thrift thrift) const;
  /// Whether all limits are kept, those of sites with them.
  bool is_within(const TrainingPlan& plan, const ThriftLimits& limits) const;

 private:
  struct Wish {
    Thrift thrift;
    ThriftLimits limits;
    Which which;
    double score;  ///< of a step, that is to be beaten
    std::optional<TrainingPlan> plan;
    std::size_t open = 1;  ///< sets of bundles that are looked at at a time
    bool is_best = true;   ///< of what the last unit has

    bool is_granted() const { return which == Which::any && plan; }
    /// What is better scores less.
    double target() const { return score * (1 - FrugalChoice::close_enough); }
  };

  /// Of one fleet's site, by the numbers of bundles there.
  using Offers = std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Offer>>;

  /// Units with what they score at least.
  using Promising = std::vector<std::pair<double, std::size_t>>;

  /// The most promising first, without those that are no better than what is known.
  Promising promising(const Wish& wish, const Watch& watch) const;
  Promising unproven(const Promising& units, std::array<double, 2> shares, const Watch& watch,
                     Wish& wish) const;
  double bound(const Search::Unit& unit, const Wish& wish, const Stop& stop) const;
  void look(const Search::Unit& unit, ReplicaRange bundles, const Stop& stop, Wish& wish) const;
  void look_apart(const Search::Unit& unit, const Stop& stop, Wish& wish) const;
  FrugalChoice choice(OffersOf offers, std::vector<CountedSite> sites, const KindBuilder& builder,
                      const Search::Unit& unit, ReplicaRange bundles, const SiteGroup& group,
                      const Wish& wish, const Stop& stop) const;
  /// Where sites may have any numbers of bundles of the same kinds.
  FrugalChoice choice_of_any(const BuiltKinds& kinds, const Search::Unit& unit,
                             ReplicaRange bundles, const SiteGroup& group, const Wish& wish,
                             const Stop& stop) const;
  /// Of a site of a group, by its number there. Not `whole`: without what depends on the number of
  /// replicas.
  std::vector<Offer> offers(const BuiltKinds& kinds, const SiteGroup& group, std::uint32_t site,
                            Thrift thrift, bool whole) const;
  Offer offer(const ReplicaKind& kind, const KindBuilder& builder, std::uint32_t site,
              Thrift thrift, bool whole) const;
  StepLimits step_limits(const SiteGroup& group, const ThriftLimits& limits) const;
  double highest_score(Thrift thrift, const ThriftLimits& limits) const;

  const Search& search_;
};

}  // namespace axs::plan
