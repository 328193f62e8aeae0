#pragma once

#include <cstdint>
#include <string>

#include "axs/core/result.h"

namespace axs::config {

/// The whole of a regular file of at most `most` bytes. `what` names it in errors: "scenario".
Result<std::string> read_text_file(const std::string& file, const std::string& what,
                                   std::uint64_t most);

}  // namespace axs::config
