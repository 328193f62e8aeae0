#pragma once

#include <string_view>
#include <vector>

#include "axs/orbit/tle.h"

/// Orbit Mean-Elements Messages (CCSDS 502.0-B-3, section 4) as CelesTrak and Space-Track hand them
/// out, for the theory SGP4 in TEME and UTC. `source` is the file's name for the error, which tells
/// the message and the key too. Any input is safe; a text without a message is an error.
namespace axs::config {

/// One JSON object or an array of them; numbers may be texts, as Space-Track's are.
Result<std::vector<orbit::ElementSet>> parse_omm_json(std::string_view text,
                                                      std::string_view source);
/// Comma-separated values with a line of keys first.
Result<std::vector<orbit::ElementSet>> parse_omm_csv(std::string_view text,
                                                     std::string_view source);

}  // namespace axs::config
