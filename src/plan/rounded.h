#pragma once

#include <string>

#include "axs/core/units.h"

namespace axs::plan {

/// As people read it, with at most two digits behind the point; of what would then be 0 and is not,
/// the first two that count.
std::string rounded(double number);

/// In units that people would choose: "45 s", "2.5 h", "79.8 days", "12,345 years".
std::string span_text(Seconds span);
/// "20.4 MW"
std::string power_text(Watts power);

}  // namespace axs::plan
