#pragma once

#include <cstdint>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/units.h"

namespace axs::plan {

/// One model that is trained at several sites, a replica at each.
struct OuterJob {
  double parameters = 0;
  std::uint32_t layers = 1;
  /// Of each site, with all that it exchanges inside. The slowest sets the pace of all.
  std::vector<Seconds> step;

  Seconds slowest() const;
};

/// What the sites exchange, and when. A period of 1 is data parallel, a longer one DiLoCo
/// (Douillard et al. 2023), with several fragments Streaming DiLoCo (Douillard et al. 2025).
struct OuterSync {
  std::uint32_t period = 1;     ///< steps from one exchange of a parameter to the next
  std::uint32_t fragments = 1;  ///< exchanged in turn; strided: layers p, p + fragments, …
  std::uint32_t overlap = 0;    ///< further steps that are computed before the result is needed
  double bits = 16;             ///< for each parameter
  /// A layer leaves as soon as the backward pass is through with it. False: all leave after it.
  bool during_backward = true;

  bool operator==(const OuterSync&) const = default;
};

/// Between any two neighbours of the ring of sites.
struct RingLink {
  BytesPerSecond rate{};
  Seconds round_trip{};
};

/// What a period costs.
struct OuterCost {
  double utilisation = 1;  ///< share of the time in which a site computes, mean of the sites
  Seconds wall{};
  Seconds exposed{};   ///< part of `wall` in which the slowest site waits for others, too
  Seconds exchange{};  ///< how long one fragment is under way
  Bytes sent{};        ///< by each site
};

/// 2 (n-1)/n of the size pass every link, in 2 (n-1) hops of half a round trip (Thakur et al.
/// 2005).
Seconds ring_all_reduce(Bytes size, double sites, const RingLink& link);

/// Errors name the first number that makes no sense.
Result<> check(const OuterJob& job, const OuterSync& sync);
Result<> check(const RingLink& link);

/// If each fragment takes `exchange`, as somebody measured it.
Result<OuterCost> outer_cost(const OuterJob& job, const OuterSync& sync, Seconds exchange);
/// If each fragment goes around a ring of such links.
Result<OuterCost> outer_cost(const OuterJob& job, const OuterSync& sync, const RingLink& link);

}  // namespace axs::plan
