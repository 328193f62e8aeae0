#pragma once

#include <cstdint>
#include <vector>

#include "axs/plan/fleet.h"

namespace axs::plan {

/// Sites that train together, and how long they take to exchange all gradients once.
struct SiteGroup {
  std::vector<std::uint32_t> sites;
  Seconds exchange{};
};

/// An exchange of `gradients` over a link of a tree of sites: sums go up it and down it in pieces,
/// both at once, so that each direction carries them once; and the answer to the last piece.
Seconds exchange_time(Bytes gradients, const SiteLink& link);

/// The groups worth looking at: each site alone, and for each link the sites that links no slower
/// than it join. Gradients go along a tree of links up and down in pieces, so that the slowest link
/// of the best tree counts (Kruskal's); every other set of sites is part of a group that is no
/// slower. At most 2 n - 1 for n sites.
std::vector<SiteGroup> site_groups(const Fleet& fleet, const std::vector<std::uint32_t>& sites,
                                   Bytes gradients);

}  // namespace axs::plan
