#pragma once

#include <string>

namespace axs::plan {

/// As people read it, with at most two digits behind the point; of what would then be 0 and is not,
/// the first two that count.
std::string rounded(double number);

}  // namespace axs::plan
