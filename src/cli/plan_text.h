#pragma once

#include <string>

#include "axs/cli/plan_search.h"
#include "axs/config/job.h"

namespace axs::cli {

/// For people: how long a step takes and what is where.
std::string plan_text(const config::PlannedJob& job, const FoundOnCores& found);

/// One JSON object with all that is needed to carry the plan out.
std::string plan_json(const config::PlannedJob& job, const FoundOnCores& found);

}  // namespace axs::cli
