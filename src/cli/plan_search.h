#pragma once

#include <chrono>
#include <optional>

#include "axs/plan/replan.h"
#include "axs/plan/search_result.h"

namespace axs::cli {

struct FoundOnCores {
  plan::SearchResult result;
  double searched = 1;  ///< share of the units of the search that were looked at
};

/// Searches on all cores, with a line of progress. The best plan that was found until the limit, or
/// until SIGINT, SIGTERM or SIGHUP; of a whole search the result does not depend on the cores. An
/// error if no plan was found.
Result<FoundOnCores> search_on_cores(const plan::Search& search,
                                     std::optional<std::chrono::nanoseconds> limit);
/// The same for a job that runs: gives `replanning` what it finds. The share of the search that was
/// done.
Result<double> search_on_cores(plan::Replanning& replanning, std::chrono::nanoseconds limit);

}  // namespace axs::cli
