#pragma once

#include <string>

namespace axs::plan {

/// As people read it, with at most two digits behind the point.
std::string rounded(double number);

}  // namespace axs::plan
