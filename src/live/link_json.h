#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "axs/core/time.h"

namespace axs::live {

/// A time as the statistics and the breaches of a link show it: no number where it was never
/// measured.
inline nlohmann::ordered_json milliseconds_or_null(const std::optional<Duration>& d) {
  return d ? nlohmann::ordered_json(d->seconds() * 1e3) : nlohmann::ordered_json();
}

}  // namespace axs::live
