#pragma once

#include <chrono>
#include <optional>

#include "axs/plan/search_result.h"

namespace axs::cli {

/// Searches on all cores, with a line of progress. With a limit, the best plan that was found until
/// then; without one the result does not depend on the cores. An error if no plan was found.
Result<plan::SearchResult> search_on_cores(const plan::Search& search,
                                           std::optional<std::chrono::nanoseconds> limit);

}  // namespace axs::cli
