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
/// The same from a file.
Result<std::vector<orbit::ElementSet>> read_elements(const std::string& file);

}  // namespace axs::config
