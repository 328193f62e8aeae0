#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "axs/net/gradient_use.h"
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
    /// Messages with bytes: how many are under way, their bytes, and those of all that arrived.
    std::uint32_t under_way = 0;
    std::uint64_t bytes_under_way{};
    std::uint64_t bytes_arrived{};
    bool packets_leave = false;  ///< An event says when the next one does.
    net::GradientUse use{};      ///< As the controller is told.
    double sent{};               ///< Until `sent_until`, by the rate of the fluid.
    Instant sent_until{};
  };

  train::SiteSync sync;
  net::PathWatch paths;
  WorkerModel worker;
  Rng noise;
  std::map<SiteId, Peer> peers{};
  WorkerTime time{};
  Duration computing{};   ///< all steps that were done took together
  Duration step_takes{};  ///< the one that is being done
  std::optional<Instant> woken_at{};
  bool finished = false;
};

}  // namespace axs::twin
