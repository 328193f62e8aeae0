#pragma once

#include <string>

#include "axs/config/job.h"
#include "axs/plan/search_result.h"

namespace axs::cli {

/// For people: how long a step takes and what is where.
std::string plan_text(const config::PlannedJob& job, const plan::SearchResult& found);

/// One JSON object with all that is needed to carry the plan out.
std::string plan_json(const config::PlannedJob& job, const plan::SearchResult& found);

}  // namespace axs::cli
