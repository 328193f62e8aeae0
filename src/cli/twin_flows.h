#pragma once

#include <string>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"

namespace axs::cli {

/// What one exchange of a whole round takes between all sites of the scenario, and what it asks of
/// the links: tables, or one JSON object.
Result<std::string> flows_text(const catalog::Scenario& scenario, bool json);

}  // namespace axs::cli
