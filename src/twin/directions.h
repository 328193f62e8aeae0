#pragma once

#include <vector>

#include "axs/net/topology.h"

/// Each direction of a link is a link of its own in a FlowSimulator: from a to b at 2i, back at 2i
/// + 1.
namespace axs::twin {

inline LinkId direction(LinkId link, bool back) {
  return {2 * link.value + (back ? 1 : 0)};
}

/// Those of a path, as its sender crosses them.
std::vector<LinkId> way(const net::Topology& topology, SiteId from, const net::CandidatePath& path);

}  // namespace axs::twin
