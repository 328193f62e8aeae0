#pragma once

#include <cstdint>
#include <vector>

#include "axs/core/time.h"

namespace axs::catalog {

/// What a link that moves is like from `at` on, until the next sample.
struct DelaySample {
  Duration at{};         ///< Since the start of the run.
  Duration one_way{};    ///< Propagation alone; zero while the link is down.
  bool up{};             ///< Whether there is a path.
  std::uint32_t path{};  ///< Changes exactly when the path does: a handover.
};

/// The samples of one link in one direction, in order of time.
using LinkForecast = std::vector<DelaySample>;

}  // namespace axs::catalog
