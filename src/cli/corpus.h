#pragma once

#include <string>

#include "axs/core/result.h"

namespace axs::cli {

/// What can be said of --data before anything starts: it is a file or a folder, can be read, and
/// holds enough text for a worker, which looks again and more closely. `option` names it in errors.
Result<> check_corpus(const std::string& path, const std::string& option);

}  // namespace axs::cli
