#include "axs/twin/directions.h"

namespace axs::twin {

std::vector<LinkId> way(const net::Topology& topology, SiteId from,
                        const net::CandidatePath& path) {
  std::vector<LinkId> links;
  for (const LinkId id : path.span()) {
    const net::UnderlayLink& link = topology.links()[id.value];
    links.push_back(direction(id, link.a != from));
    from = link.a == from ? link.b : link.a;
  }
  return links;
}

}  // namespace axs::twin
