#pragma once

#include <cstdint>
#include <vector>

#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/site_exchange.h"

namespace axs::plan {

/// Sites that train together.
struct SiteGroup {
  std::vector<std::uint32_t> sites;
  std::uint32_t sites_max = 1;  ///< of them that may have replicas at once
  /// In every step, or all others that are allowed for so many sites, the least harmful to the loss
  /// first; none for a site alone.
  std::vector<SiteExchange> ways;

  /// Whether they exchange less often than in every step.
  bool step_apart() const { return !ways.empty() && ways.front().how.sync.period > 1; }
  /// The quickest for steps that take `step` at the slowest site; null for a site alone.
  const SiteExchange* best(Seconds step) const;
  /// A step that takes `step` at the slowest site, with the quickest exchange.
  Seconds after(Seconds step) const;
  /// The longest step that can take `limit` with the exchange.
  Seconds step_within(Seconds limit) const;
};

/// What a site sends of one fragment.
Bytes fragment_size(const Job& job, const OuterSync& sync);

/// An exchange of `size` over a link of a tree of sites: sums go up it and down it in pieces, both
/// at once, so that each direction carries them once; and the answer to the last piece.
Seconds exchange_time(Bytes size, const SiteLink& link);

/// The groups worth looking at, sites alone first. What sites exchange goes along a tree of links
/// up and down in pieces, so that the slowest link of the best tree counts (Kruskal's), in each
/// spell of the forecast and for each size of a fragment. A group is a set of sites that no larger
/// one can replace without a slower exchange; that is 2 n - 1 for n sites where links come in the
/// same order for all spells and sizes. It is there once for exchanges in every step and, where
/// less often is allowed, again; where that goes for fewer of its sites, also for so many of them.
std::vector<SiteGroup> site_groups(const Fleet& fleet, const Job& job,
                                   const std::vector<std::uint32_t>& sites);

}  // namespace axs::plan
