#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/digest.h"
#include "axs/fabric/link_plan.h"
#include "axs/net/topology.h"
#include "axs/twin/flow_scene.h"

namespace axs::twin {

/// Every site sends every other one the same number of bytes at once, each over the path of the
/// least delay, as a fluid: how long that takes, and what it asks of the links. Nothing is cut, and
/// the links are as they are at the start of the run; a measured one has its mean rate and delay.
struct Exchange {
  struct Transfer {
    SiteId from;
    SiteId to;
    net::PathId path;
    Duration took{};  ///< Until its last byte is there.
  };
  /// One direction of a link.
  struct Load {
    LinkId link;
    bool back{};
    std::uint64_t bytes{};
    double busy{};  ///< Share of the time until the last transfer has left.
  };
  std::vector<Transfer> transfers;  ///< By sender, then receiver.
  std::vector<Load> loads;          ///< By link, forth before back.
  Duration took{};
  Hash256 digest{};  ///< Of all ends of flows.
};

/// `links` are those of the scenario. Errc::unavailable if a transfer would never end.
Result<Exchange> exchange(const catalog::Scenario& scenario,
                          std::span<const fabric::LinkPlan> links, std::uint64_t bytes);

}  // namespace axs::twin
