#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "axs/twin/flow_twin.h"
#include "axs/twin/worker_time.h"

namespace axs::twin {

/// What the world of flows holds of one site.
struct FlowTwin::SiteState {
  /// The way of one class of traffic to a peer.
  struct Lane {
    RouteId route{};
    std::optional<net::RouteSet> wanted{};
  };
  struct Peer {
    std::array<Lane, net::traffic_class_count> lanes{};
    std::vector<bool> paths_up{};  ///< By PathId.
    bool up = false;
  };

  train::SiteSync sync;
  net::PathWatch paths;
  WorkerModel worker;
  Rng noise;
  std::map<SiteId, Peer> peers{};
  WorkerTime time{};
  Duration computing{};  ///< all steps took together
  std::optional<Instant> woken_at{};
  bool finished = false;
};

}  // namespace axs::twin
