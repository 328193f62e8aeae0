#pragma once

#include <vector>

#include "axs/net/topology.h"

/// Each direction of a link is counted as a link of its own: from a to b at 2i, back at 2i + 1.
namespace axs::net {

inline LinkId direction(LinkId link, bool back) {
  return {2 * link.value + (back ? 1 : 0)};
}

/// Those of a path, as its sender crosses them.
std::vector<LinkId> way(const Topology& topology, SiteId from, const CandidatePath& path);

}  // namespace axs::net
