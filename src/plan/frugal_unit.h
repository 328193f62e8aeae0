#pragma once

#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "axs/plan/frugal_choice.h"
#include "axs/plan/plan_cost.h"
#include "axs/plan/spanning_pipelines.h"
#include "axs/plan/unit_kinds.h"

namespace axs::plan {

/// What a plan shall take little of. power: that of all machines in use at their limit.
enum class Thrift { money, energy, carbon, power };

/// What a plan may take at most, over the whole job.
struct ThriftLimits {
  Seconds duration = no_limit;
  Dollars money{endless};
  Watts power{endless};
};

/// A plan that is looked for, and the best that is known.
struct FrugalWish {
  ThriftLimits limits{};
  Which which = Which::least;
  double score = endless;  ///< of a step, that is to be beaten
  std::optional<TrainingPlan> plan{};
  std::size_t open = 1;  ///< sets of bundles that are looked at at a time
  bool is_best = true;   ///< else there were too many of these

  bool is_granted() const { return which == Which::any && plan; }
  /// What is better scores less.
  double target() const { return score * (1 - FrugalChoice::close_enough); }
};

/// Whether all limits are kept, those of sites with them.
bool is_within(const TrainingPlan& plan, const ThriftLimits& limits, const Fleet& fleet);
/// What a step of the plan takes.
double step_score(const TrainingPlan& plan, Thrift thrift, const Job& job);

/// What plans of a unit of the search take. What has been built to find out is kept.
class FrugalUnit {
 public:
  /// For plans that take no longer than `duration`. `search` must outlive it. Once `stop` says so,
  /// what is asked for comes to an end.
  FrugalUnit(const Search& search, std::size_t unit, Thrift thrift, Seconds duration, Stop stop);
  FrugalUnit(const FrugalUnit&) = delete;
  FrugalUnit& operator=(const FrugalUnit&) = delete;

  /// No plan of the unit scores less than that or than what is wished.
  double bound(const FrugalWish& wish);
  /// Notes in the wish what is better.
  void look(FrugalWish& wish);

 private:
  static Seconds limit_of(const Search& search, const Search::Unit& unit, Seconds duration);
  void look_at(ReplicaRange bundles, FrugalWish& wish);
  void look_apart(FrugalWish& wish);
  void look_across(FrugalWish& wish);
  void keep(TrainingPlan plan, FrugalWish& wish) const;
  double bound_at_sites(const FrugalWish& wish);
  double bound_across() const;
  SpanningPipelines::Scores least_scores() const;
  /// If the choice was among so many bundles.
  void keep(const FrugalFound& found, ReplicaRange bundles, const SiteGroup& group,
            FrugalWish& wish);
  FrugalChoice choice(OffersOf offers, std::vector<CountedSite> sites, ReplicaRange bundles,
                      const SiteGroup& group, const FrugalWish& wish);
  /// Where sites may have any numbers of bundles of the same kinds.
  FrugalChoice choice_of_any(ReplicaRange bundles, const SiteGroup& group, const FrugalWish& wish);
  /// Of a site, with the kinds of so many bundles.
  const std::vector<Offer>& offers(const CountedSite& at, ReplicaRange bundles);
  std::vector<Offer> offers_of(const CountedSite& at, ReplicaRange bundles);
  Offer offer(const ReplicaKind& kind, const KindBuilder& builder, const PipelineDraw& draw,
              const CountedSite& at) const;
  static ReplicaTerms money_of(const PipelineDraw& draw, std::optional<DollarsPerSecond> rent,
                               const SiteSupply& supply);
  ReplicaTerms score_of(const PipelineDraw& draw, std::optional<DollarsPerSecond> rent,
                        const SiteSupply& supply) const;
  /// Of the kinds of so many bundles, in their order; of a range without what depends on the number
  /// of replicas.
  const std::vector<PipelineDraw>& draws(ReplicaRange bundles);
  StepLimits step_limits(const ThriftLimits& limits) const;

  const Search& search_;
  const Search::Unit& unit_;
  Thrift thrift_;
  Stop stop_;
  UnitKinds kinds_;
  std::vector<SiteRoom> rooms_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<PipelineDraw>> draws_;
  /// By site, numbers of bundles there and numbers that the kinds are for.
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>,
           std::vector<Offer>>
      offers_;
};

}  // namespace axs::plan
