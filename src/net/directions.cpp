#include "axs/net/directions.h"

namespace axs::net {

std::vector<LinkId> way(const Topology& topology, SiteId from, const CandidatePath& path) {
  std::vector<LinkId> links;
  for (const LinkId id : path.span()) {
    const UnderlayLink& link = topology.links()[id.value];
    links.push_back(direction(id, link.a != from));
    from = link.a == from ? link.b : link.a;
  }
  return links;
}

}  // namespace axs::net
