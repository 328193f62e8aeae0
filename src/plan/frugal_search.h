#pragma once

#include <array>
#include <functional>
#include <utility>
#include <vector>

#include "axs/plan/frugal_unit.h"

namespace axs::plan {

/// Whether what was looked for was found. Once `stop` says so, nobody needs to know.
using Trial = std::function<bool(std::size_t number, const Stop& stop)>;
/// The first of so many trials that says yes, or their count. All before it are done to their end;
/// of those after it none is needed. Trials do not depend on each other: they may be done in any
/// order, several at a time.
using FirstOf = std::function<std::size_t(std::size_t count, const Trial& trial)>;

/// On the caller's thread.
std::size_t first_in_turn(std::size_t count, const Trial& trial);

/// The search for the plan that takes least of something, over the methods, numbers of replicas,
/// pipelines and groups of sites of the search for the fastest one. Within
/// FrugalChoice::close_enough of the best of them, so that added devices never make a plan worse by
/// more. What it finds does not depend on how trials are done.
/// docs/design/030-plan-objectives.md has the space and what it leaves out.
class FrugalSearch {
 public:
  /// `search` must outlive it, and its fleet must say what is asked for: see check_known().
  explicit FrugalSearch(const Search& search, FirstOf first_of = first_in_turn)
      : search_{search}, first_of_{std::move(first_of)} {}

  /// Is told the share of the search that is done, also within its units; false ends it. Trials
  /// that are done at a time ask at a time. Once it is false it stays so.
  using Watch = std::function<bool(double)>;

  /// Nothing: there is none within the limits. `known` are plans to do better than; if one of them
  /// is within the limits and nothing is better, it is what is given back. The limits of sites are
  /// kept, too.
  std::optional<TrainingPlan> best(Thrift thrift, const ThriftLimits& limits,
                                   const std::vector<TrainingPlan>& known,
                                   const Watch& watch) const;
  /// No plan within the limits is faster by more than `close_enough`; no plan at all takes less
  /// than `shortest`.
  std::optional<TrainingPlan> fastest(Thrift thrift, const ThriftLimits& limits,
                                      const std::vector<TrainingPlan>& known, Seconds shortest,
                                      const Watch& watch) const;

  const Fleet& fleet() const { return search_.fleet(); }

 private:
  /// Units with what they score at least.
  using Promising = std::vector<std::pair<double, std::size_t>>;
  /// Looks for what is wished in a unit.
  using Look = std::function<void(FrugalUnit&, FrugalWish&)>;

  /// Of all units, the most promising first.
  void look(Thrift thrift, const Look& look, const Watch& watch, FrugalWish& wish) const;
  Promising promising(Thrift thrift, const FrugalWish& wish, const Watch& watch) const;
  Promising unproven(Thrift thrift, const Promising& units, std::array<double, 2> shares,
                     const Look& look, const Watch& watch, FrugalWish& wish) const;
  double highest_score(Thrift thrift, const ThriftLimits& limits) const;

  const Search& search_;
  FirstOf first_of_;
};

}  // namespace axs::plan
