#include "axs/net/gradient_demand.h"

#include <algorithm>

#include "axs/net/directions.h"
#include "axs/net/route_choice.h"

namespace axs::net {

namespace {

/// So that no sum of durations overflows: longer than any message that somebody would wait for.
constexpr Seconds endless{1e9};

bool crosses(const std::vector<LinkId>& way, LinkId direction) {
  return std::ranges::find(way, direction) != way.end();
}

}  // namespace

std::vector<GradientDemand> exchange_demands(std::span<const SiteId> sites, Bytes message) {
  std::vector<GradientDemand> demands;
  for (const SiteId from : sites)
    for (const SiteId to : sites)
      if (from != to) demands.push_back({from, to, message});
  return demands;
}

DemandLoad::DemandLoad(const Topology& topology, const std::vector<GradientDemand>& demands) {
  for (const UnderlayLink& link : topology.links()) {
    const std::size_t forth = direction(link.id, false).value,
                      back = direction(link.id, true).value;
    directions_.resize(std::max(directions_.size(), back + 1));
    directions_[forth].rate = link.rate_ab;
    directions_[back].rate = link.rate_ba;
  }
  for (const GradientDemand& demand : demands) {
    if (topology.paths(demand.from, demand.to).empty()) continue;
    Pair pair{.message = demand.message};
    for (const CandidatePath& path : topology.paths(demand.from, demand.to))
      pair.ways.push_back(path.rate > BytesPerSecond{} ? way(topology, demand.from, path)
                                                       : std::vector<LinkId>{});
    pairs_[{demand.from, demand.to}] = std::move(pair);
  }
}

void DemandLoad::route(SiteId from, SiteId to, std::optional<PathId> path) {
  const auto found = pairs_.find({from, to});
  if (found == pairs_.end() || found->second.route == path) return;
  Pair& pair = found->second;
  const auto add = [&](Bytes bytes) {
    if (!pair.route) return;
    for (const LinkId id : pair.ways[pair.route->value]) directions_[id.value].load += bytes;
  };
  add(-1 * pair.message);
  pair.route = path;
  add(pair.message);
}

Duration DemandLoad::transfer(SiteId from, SiteId to, PathId path) const {
  const auto found = pairs_.find({from, to});
  if (found == pairs_.end()) return {};
  const Pair& pair = found->second;
  Seconds slowest{};
  for (const LinkId id : pair.ways[path.value]) {
    const Direction& link = directions_[id.value];
    const bool own = pair.route && crosses(pair.ways[pair.route->value], id);
    slowest = std::max(slowest, (own ? link.load : link.load + pair.message) / link.rate);
  }
  return from_seconds(std::min(slowest, endless).value());
}

Duration DemandLoad::cost(SiteId from, SiteId to, const PathReport& path) const {
  return latency_cost(path) + transfer(from, to, path.path);
}

std::optional<PathId> DemandLoad::quickest(SiteId from, SiteId to,
                                           std::span<const PathReport> paths) const {
  std::optional<std::pair<Duration, PathId>> least;
  for (const PathReport& path : paths) {
    if (!path.up) continue;
    const Duration takes = cost(from, to, path);
    if (!least || takes < least->first) least = {takes, path.path};
  }
  return least ? std::optional{least->second} : std::nullopt;
}

}  // namespace axs::net
