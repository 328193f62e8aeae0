#pragma once

#include <cstdint>
#include <vector>

#include "axs/core/time.h"

namespace axs::catalog {

/// What a link will be like from `at` (since the epoch of the run) until the next sample: its
/// one-way propagation delay, whether it is up, and a number that changes when the path of
/// satellites does.
struct DelaySample {
  Duration at;
  Duration one_way;
  bool up;
  std::uint32_t path;
};

/// Samples in the order of their time.
using LinkForecast = std::vector<DelaySample>;

}  // namespace axs::catalog
