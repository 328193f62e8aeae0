#pragma once

#include <string>

#include "axs/cli/plan_words.h"

namespace axs::cli {

/// Of a run that takes longer than its deadline or, where it has none, than ten years: how long,
/// what of it are exchanges between sites, and what would help, in a sentence. Else empty.
std::string slowness_text(const PlanView& view);

}  // namespace axs::cli
