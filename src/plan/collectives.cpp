#include "axs/plan/collectives.h"

#include <algorithm>
#include <cmath>

#include "axs/core/dmath.h"

namespace axs::plan {

namespace {

/// Per hop inside a node; the order of magnitude that NCCL's own tuning table has for NVLink.
constexpr Seconds hop{6e-6};

/// On a torus there is a ring for each dimension (Jouppi et al. 2023), with shorter hops: chips
/// that are wired to each other.
Seconds around(double members, const Links& links) {
  if (links.torus == 0) return hop * (members - 1);
  constexpr Seconds torus_hop{1e-6};
  return torus_hop * (links.torus * (dmath::pow(members, 1 / links.torus) - 1));
}

/// A message passes one link after the other.
Seconds across_nodes(Group group, const Links& links) {
  return group.depth * links.latency;
}

}  // namespace

double Group::nodes() const {
  return std::max(std::ceil(ranks / per_node), 1.0);
}

Group group_of(double ranks, double stride, const Links& links, double together_max) {
  const double together = std::max(std::floor(links.per_node / stride), 1.0);
  Group group{ranks, std::min({ranks, together, together_max}), 0, {}};
  if (group.nodes() > 1) group.depth = dmath::log(group.nodes()) / dmath::log(2);
  group.around = around(group.per_node, links);
  return group;
}

Seconds one_pass(Bytes size, Group group, const Links& links, double share) {
  if (group.ranks <= 1) return Seconds{};
  const bool across = group.ranks > group.per_node;
  BytesPerSecond rate = links.scale_up;
  Seconds latency = group.around;
  if (across) {
    rate = std::min(rate, links.device_rate() * group.per_node * share);
    latency += across_nodes(group, links);
  }
  return size * ((group.ranks - 1) / group.ranks) / rate + latency;
}

Seconds all_to_all(Bytes size, Group group, const Links& links, double share) {
  if (group.ranks <= 1) return Seconds{};
  const double here = std::min(group.ranks, group.per_node);
  const Seconds inside = size * ((here - 1) / group.ranks) / links.scale_up + group.around;
  if (group.ranks <= here) return inside;
  const Bytes leaving = size * (share * (group.ranks - here) / group.ranks);
  const Seconds outside = leaving / links.device_rate() + across_nodes(group, links);
  return std::max(inside, outside);
}

Seconds all_reduce(Bytes size, Group group, const Links& links, double share) {
  const Seconds ring = 2 * one_pass(size, group, links, share);
  if (group.ranks <= group.per_node || group.per_node <= 1) return ring;
  const double nodes = group.nodes();
  const Bytes part = size / group.per_node;
  const Group inside{group.per_node, group.per_node, 0, group.around};
  const Seconds layered = 2 * one_pass(size, inside, links) +
                          2 * ((nodes - 1) / nodes) * part / (links.device_rate() * share) +
                          2 * across_nodes(group, links);
  return std::min(ring, layered);
}

}  // namespace axs::plan
