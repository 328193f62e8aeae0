#pragma once

#include <span>
#include <vector>

#include "axs/fabric/network_forecast.h"
#include "axs/net/topology.h"

namespace axs::fabric {

/// What a plan sends over the network: each of these sites such a message to every other one, all
/// at once, again and again.
struct PlannedExchange {
  std::vector<SiteId> sites;
  Bytes message{};

  bool operator==(const PlannedExchange&) const = default;
};

/// What sites can exchange over the paths that the controller gives to the gradients of a plan. A
/// net::Controller that knows of them hears for the whole horizon what agents would report of
/// `links`, those of `topology` by id, and its orders are done. A message has what is left of the
/// narrowest link of its path while all that cross it are under way. Two sites that are not both in
/// the exchange: as if they sent such messages as well, each pair alone beside what there is. Rates
/// and round trips are those of the slower direction; spells in which nothing passes, as in
/// network_forecast().
NetworkForecast route_forecast(const net::Topology& topology, std::span<const LinkPlan> links,
                               const PlannedExchange& exchange);

}  // namespace axs::fabric
