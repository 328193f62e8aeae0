#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "axs/orbit/tle.h"

namespace axs::config {

/// Orbital elements in whichever of their formats the text is: two-line sets, or OMM as JSON or as
/// CSV. `source` names the text in errors.
Result<std::vector<orbit::ElementSet>> parse_elements(std::string_view text,
                                                      std::string_view source);

/// Those satellites of a file that SGP4 can propagate. Of a large catalogue some have come down
/// since, or are about to.
struct UsableElements {
  std::vector<orbit::ElementSet> sets;  ///< At least one.
  std::size_t left_out{};
  std::string why{};  ///< The first that is left out, and what is wrong with it.
};
Result<UsableElements> usable_elements(std::vector<orbit::ElementSet> sets,
                                       const std::string& source);
Result<UsableElements> read_usable_elements(const std::string& file);

}  // namespace axs::config
