#pragma once

#include <chrono>
#include <optional>

#include "axs/plan/search_result.h"

namespace axs::cli {

struct FoundOnCores {
  plan::SearchResult result;
  double searched = 1;  ///< share of the units of the search that were looked at
};

/// Searches on all cores, with a line of progress. With a limit, the best plan that was found until
/// then; without one the plan does not depend on the cores, while what was found of other methods,
/// before they were out of the question, may. An error if no plan was found.
Result<FoundOnCores> search_on_cores(const plan::Search& search,
                                     std::optional<std::chrono::nanoseconds> limit);

}  // namespace axs::cli
