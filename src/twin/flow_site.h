#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "axs/twin/flow_twin.h"

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
  std::uint32_t life = 0;  ///< of the worker's process
  bool busy = false;       ///< a WorkDone is on its way
  Instant merged_at{};     ///< until then an idle worker merges
  Duration to_merge{};     ///< what came while it was busy takes, before it goes on
  Duration computing{};    ///< all steps took together
  std::optional<Instant> woken_at{};
  bool finished = false;
};

}  // namespace axs::twin
