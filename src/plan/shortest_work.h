#pragma once

#include <optional>

#include "axs/plan/search.h"
#include "axs/plan/shared_work.h"

namespace axs::plan {

/// The least time in which replicas can be done, but for a share of `precise`, if nobody stops it.
/// Nothing if it is above `limit`, on which it does not depend otherwise.
template <class Choice>
std::optional<SharedWork> shortest(const Choice& choice, const ReplicaDemand& demand, Seconds limit,
                                   const Stop& stop, double precise = exactly) {
  if (!choice.within(limit)) return std::nullopt;
  const auto try_within = [&](Seconds time) -> std::optional<SharedWork> {
    const auto chosen = choice.within(time);
    if (!chosen) return std::nullopt;
    return share_work(*chosen, demand, time);
  };
  SharedWork best = *try_within(no_limit);
  Seconds low{};
  while (best.slowest - low > precise * best.slowest && !stop()) {
    const Seconds middle = 0.5 * (low + best.slowest);
    if (auto shared = try_within(middle))
      best = std::move(*shared);
    else
      low = middle;
  }
  return best;
}

}  // namespace axs::plan
