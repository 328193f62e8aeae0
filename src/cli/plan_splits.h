#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "axs/cli/plan_words.h"

namespace axs::cli {

/// A line for each way in which unlike devices share sequences; empty: none do.
std::string splits_text(const PlanView& view);

/// All that is needed to attend as planned: for each split its devices in order, the tokens that
/// each holds, and for each head of keys of a tensor device and each block of queries the device
/// for each range of keys.
nlohmann::ordered_json splits_json(const PlanView& view);

}  // namespace axs::cli
