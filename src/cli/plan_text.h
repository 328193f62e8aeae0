#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "axs/cli/plan_words.h"

namespace axs::cli {

/// For people: how long a step takes and what is where.
std::string plan_text(const PlanView& view);

/// All that is needed to carry the plan out.
nlohmann::ordered_json plan_json(const PlanView& view);

}  // namespace axs::cli
