#pragma once

#include <algorithm>

#include "axs/record/history.h"

namespace axs::report {

inline double seconds_of(Instant at) {
  return static_cast<double>(at.ns) * 1e-9;
}

/// When the run started, on the history's clock; of a run that was resumed, its first life.
inline double start_of(const record::History& history) {
  const auto first = std::ranges::find_if(history.entries, [](const record::Entry& entry) {
    return std::holds_alternative<catalog::RunStarted>(entry.fact);
  });
  return first == history.entries.end() ? 0 : seconds_of(first->at);
}

}  // namespace axs::report
