#pragma once

#include <string>
#include <vector>

#include "axs/plan/frugal_search.h"

namespace axs::plan {

struct WantedPlan {
  TrainingPlan plan;
  /// Limits that it does not keep, the first of which no plan keeps; then the plan is the one that
  /// is nearest to that.
  std::string unmet;
};

/// Of the job and of the sites of its fleet, all that the plan does not keep: what there is and
/// what the plan needs. Empty: it keeps all.
std::vector<std::string> missed_limits(const Job& job, const Fleet& fleet,
                                       const TrainingPlan& plan);
/// In one sentence.
std::string missed_text(const Job& job, const Fleet& fleet, const TrainingPlan& plan);

/// The plan that the job's objective wants within its deadline, budget and power and within the
/// power of the sites. If there is none, the one that is nearest to the limit that cannot be kept.
/// `fastest` is what the search for the shortest step has found, `known` a plan of the same fleet
/// that was wanted when little was different. A plan for time is within
/// `FrugalChoice::close_enough` of the fastest within the limits, any other of the least score.
WantedPlan wanted_plan(const FrugalSearch& search, const Job& job, const TrainingPlan& fastest,
                       const FrugalSearch::Watch& watch,
                       const std::optional<TrainingPlan>& known = std::nullopt);

/// False: the fastest plan is the one that is wanted, whatever else there is.
bool wants_more_than_time(const Job& job, const Fleet& fleet);

/// Plans within the job's limits none of which is both as fast as another one and takes as little,
/// from the fastest to the one that takes least. Each takes least of all that are as fast, and is
/// slower than the one before by a seventh at least.
std::vector<TrainingPlan> frontier(const FrugalSearch& search, const Job& job, Thrift thrift,
                                   const TrainingPlan& fastest, const FrugalSearch::Watch& watch);

}  // namespace axs::plan
