#include "axs/cli/node_places.h"

#include <algorithm>
#include <vector>

namespace axs::cli {

std::optional<CrowdedOut> crowded_out(const GroupsByWidth& groups, std::uint32_t node,
                                      std::uint64_t devices) {
  std::vector<std::uint64_t> nodes(node + 1);  // By the devices that are left in them.
  nodes[node] = devices / node;
  ++nodes[devices % node];
  for (const auto& [width, count] : groups) {
    std::uint64_t left = count;
    for (std::uint32_t room = width; room <= node; ++room) {
      const std::uint32_t most = room / width;
      const std::uint64_t filled = std::min(nodes[room], left / most);
      left -= filled * most;
      nodes[room] -= filled;
      nodes[room - most * width] += filled;
      if (left == 0 || nodes[room] == 0) continue;
      --nodes[room];  // One of them has room for the rest.
      ++nodes[room - left * width];
      left = 0;
    }
    if (left > 0) return CrowdedOut{width, count, count - left};
  }
  return std::nullopt;
}

}  // namespace axs::cli
