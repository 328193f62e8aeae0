#pragma once

#include <map>
#include <span>
#include <string>

#include "axs/core/time.h"

namespace axs::record {

/// Two moments of which one cannot have come after the other, each on the clock of its own site.
struct Order {
  std::string earlier;
  Instant earlier_at;
  std::string later;
  Instant later_at;
};

/// By how much the clock of each site is ahead of that of `reference`, as far as the orders tell:
/// each bounds a difference from above, two in opposite directions enclose it, and the middle is
/// taken (the bounds are shortest paths in a graph of differences; Duda et al. 1987). Half the
/// round trip, at worst, is the error. Where only one bound is known, that is taken; a site that no
/// order joins to the reference counts as right. Drift is not looked for.
std::map<std::string, Duration> clock_offsets(std::span<const Order> orders,
                                              const std::string& reference);

}  // namespace axs::record
