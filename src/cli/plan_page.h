#pragma once

#include <string>

#include "axs/cli/plan_words.h"

namespace axs::cli {

/// A plan as one page that needs nothing else: stages on sites, the schedule, where a step goes,
/// and why other methods lost. No script.
std::string plan_page(const PlanView& view);

}  // namespace axs::cli
