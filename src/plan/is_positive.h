#pragma once

#include <cmath>

namespace axs::plan {

/// And finite; false also for what is no number.
inline bool is_positive(double value) {
  return value > 0 && std::isfinite(value);
}

}  // namespace axs::plan
