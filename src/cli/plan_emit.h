#pragma once

#include <string>

#include "axs/cli/plan_words.h"

namespace axs::cli {

/// The plan as torchtitan's configuration, a TOML file for releases 0.2 (torchtitan/config/
/// job_config.py). An error names what it has no words for.
Result<std::string> torchtitan_text(const PlanView& view);

/// The plan as arguments of Megatron-LM, one a line (megatron/training/arguments.py of core_v0.13
/// and later), in words of a shell, as `xargs -a FILE` reads them too. An error names what it has
/// no words for.
Result<std::string> megatron_text(const PlanView& view);

}  // namespace axs::cli
