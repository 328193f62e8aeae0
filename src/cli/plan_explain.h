#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "axs/cli/plan_words.h"

namespace axs::cli {

/// Where the time, the bytes and the joules of a step go, in tables.
std::string explain_text(const PlanView& view);

/// The same of every stage, with all digits.
nlohmann::ordered_json explain_json(const PlanView& view);

}  // namespace axs::cli
