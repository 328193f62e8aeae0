#pragma once

#include <optional>

#include "axs/cli/patience.h"
#include "axs/plan/frugal_search.h"
#include "axs/plan/replan.h"
#include "axs/plan/search_result.h"

namespace axs::cli {

struct FoundOnCores {
  plan::SearchResult result;
  double searched = 1;  ///< share of the units of the search that were looked at
  /// The plan as the search found it, unless another one has taken its place.
  std::optional<plan::Candidate> fastest{};
};

/// Searches on all cores, with a line of progress. The best plan that was found before `patience`
/// was over; of a whole search the result does not depend on the cores. An error if no plan was
/// found that takes `at_most` or less. Half of the patience is left where another search follows.
Result<FoundOnCores> search_on_cores(const plan::Search& search, Patience& patience,
                                     Seconds at_most = plan::no_limit,
                                     bool another_follows = false);
/// Adds why other methods lost, where the plan is the fastest one: on all cores, those that were
/// compared before `patience` was over.
void compare_on_cores(const plan::Search& search, FoundOnCores& found, Patience& patience);
/// Searches for a job that runs: gives `replanning` what it finds. The share of the search that was
/// done.
Result<double> search_on_cores(plan::Replanning& replanning, Patience& patience);
/// A plan::FirstOf that uses all cores.
std::size_t first_on_cores(std::size_t count, const plan::Trial& trial);

}  // namespace axs::cli
