#include "axs/plan/collectives.h"

#include <algorithm>
#include <cmath>

#include "axs/core/dmath.h"

namespace axs::plan {

namespace {

/// Per hop inside a node; the order of magnitude that NCCL's own tuning table has for NVLink.
constexpr Seconds hop{6e-6};

/// Trees: a message passes log2(nodes) links one after the other.
Seconds across_nodes(Group group, const Links& links) {
  return links.latency * (dmath::log(std::max(group.nodes(), 2.0)) / dmath::log(2));
}

}  // namespace

double Group::nodes() const {
  return std::max(std::ceil(ranks / per_node), 1.0);
}

Group group_of(double ranks, double stride, const Links& links) {
  return {ranks, std::min(ranks, std::max(links.per_node / stride, 1.0))};
}

Seconds one_pass(Bytes size, Group group, const Links& links, double share) {
  if (group.ranks <= 1) return Seconds{};
  const bool across = group.ranks > group.per_node;
  BytesPerSecond rate = links.scale_up;
  Seconds latency = hop * (std::min(group.ranks, group.per_node) - 1);
  if (across) {
    rate = std::min(rate, links.device_rate() * group.per_node * share);
    latency += across_nodes(group, links);
  }
  return size * ((group.ranks - 1) / group.ranks) / rate + latency;
}

Seconds all_reduce(Bytes size, Group group, const Links& links, double share) {
  const Seconds ring = 2 * one_pass(size, group, links, share);
  if (group.ranks <= group.per_node || group.per_node <= 1) return ring;
  const double nodes = group.nodes();
  const Bytes part = size / group.per_node;
  const Seconds layered = 2 * one_pass(size, {group.per_node, group.per_node}, links) +
                          2 * ((nodes - 1) / nodes) * part / (links.device_rate() * share) +
                          2 * across_nodes(group, links);
  return std::min(ring, layered);
}

}  // namespace axs::plan
