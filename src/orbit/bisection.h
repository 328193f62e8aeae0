#pragma once

#include <algorithm>

#include "axs/catalog/utc.h"

namespace axs::orbit {

/// The moment, within a millisecond, between one at which something does not hold and one at which
/// it does, whichever is first; on the side on which holds(at) is true.
template <class Holds>
catalog::UtcTime crossing(catalog::UtcTime out, catalog::UtcTime in, const Holds& holds) {
  while (std::max(in, out) - std::min(in, out) > milliseconds(1)) {
    const catalog::UtcTime middle{out.ns + (in.ns - out.ns) / 2};
    (holds(middle) ? in : out) = middle;
  }
  return in;
}

}  // namespace axs::orbit
