#pragma once

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "axs/core/units.h"
#include "axs/net/routing.h"
#include "axs/net/topology.h"

namespace axs::net {

/// What a plan of training sends from one site to another at once, again and again: the part of the
/// model that they exchange.
struct GradientDemand {
  SiteId from;
  SiteId to;
  Bytes message{};
};

/// Each of the sites sends such a message to every other one.
std::vector<GradientDemand> exchange_demands(std::span<const SiteId> sites, Bytes message);

/// What demands put on the links of their routes, and so how long a message takes on any other: it
/// is worth little to be there first where a large message has a narrow way.
class DemandLoad {
 public:
  /// Of a pair of sites with several demands the last counts; those between sites that no path
  /// joins are left out.
  DemandLoad(const Topology& topology, const std::vector<GradientDemand>& demands);

  /// The pair's message goes that way from now on; nothing: none.
  void route(SiteId from, SiteId to, std::optional<PathId> path);
  /// What the narrowest link of the path needs for the pair's message and for those of all other
  /// pairs that cross it, if all are sent at once. Zero without a demand, or if a rate of the path
  /// is not known.
  Duration transfer(SiteId from, SiteId to, PathId path) const;
  /// After which the pair's message is acknowledged on a path that is like this: latency_cost() and
  /// transfer().
  Duration cost(SiteId from, SiteId to, const PathReport& path) const;
  /// Of the paths that are up the one that costs least, of equal ones the first.
  std::optional<PathId> quickest(SiteId from, SiteId to, std::span<const PathReport> paths) const;

 private:
  struct Pair {
    Bytes message{};
    std::vector<std::vector<LinkId>> ways{};  ///< By PathId, as directions.
    std::optional<PathId> route{};
  };
  struct Direction {
    BytesPerSecond rate{};
    Bytes load{};
  };

  std::map<std::pair<SiteId, SiteId>, Pair> pairs_;
  std::vector<Direction> directions_;
};

}  // namespace axs::net
