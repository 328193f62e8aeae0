#pragma once

#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"
#include "axs/orbit/elements.h"

namespace axs::config {

/// The satellites that a scenario's sky names: those of a file of elements, of a
/// constellation's file (.toml), or of a shell. Those that have no orbit any more are left out.
Result<std::vector<orbit::MeanElements>> load_satellites(const catalog::Sky& sky);

}  // namespace axs::config
