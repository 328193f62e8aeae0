#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "axs/cli/plan_words.h"
#include "axs/cli/rows.h"

namespace axs::cli {

/// What is where.
Rows plan_rows(const PlanView& view);
/// Of the peak of all devices in use: what the model needs, whatever is computed twice.
double utilisation(const PlanView& view);

/// In lines: what a plan costs, how sites exchange and what is idle.
std::string notes_text(const PlanView& view);

/// For people: how long a step takes and what is where.
std::string plan_text(const PlanView& view);

/// Of the form of plan_json().
inline constexpr int plan_json_version = 4;

/// All that is needed to carry the plan out; plan_read.h reads it.
nlohmann::ordered_json plan_json(const PlanView& view);

}  // namespace axs::cli
