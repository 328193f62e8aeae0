#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "axs/cli/plan_words.h"
#include "axs/cli/rows.h"

namespace axs::cli {

/// The parts of a step, on the stage that all others wait for and on the mean device.
Rows part_rows(const PlanView& view);
/// What each kind of stage does, and what it holds.
Rows stage_rows(const PlanView& view);

/// Where the time, the bytes and the joules of a step go, in tables.
std::string explain_text(const PlanView& view);

/// The same of every stage, with all digits.
nlohmann::ordered_json explain_json(const PlanView& view);

}  // namespace axs::cli
