#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "axs/twin/flow_scene.h"

namespace axs::twin {

/// The queue in front of a link that treats flows fairly by weight, packet by packet: self-clocked
/// fair queueing (Golestani, INFOCOM 1994). Strict flows go before all others.
template <class Packet>
class FairQueue {
 public:
  void push(const Flow& flow, Bytes size, const Packet& packet) {
    Tier& tier = of(flow.precedence);
    double& last = tier.last.try_emplace(flow.id, 0.0).first->second;
    last = std::max(tier.now, last) + size.value() / flow.weight;
    queue_.emplace(std::tuple{flow.precedence, last, sequence_++}, packet);
  }

  std::optional<Packet> pop() {
    if (queue_.empty()) return std::nullopt;
    const auto node = queue_.extract(queue_.begin());
    const auto& [precedence, tag, sequence] = node.key();
    of(precedence).now = tag;
    return node.mapped();
  }

 private:
  struct Tier {
    double now{};                          ///< The tag of what was sent last.
    std::map<std::uint64_t, double> last;  ///< By flow, the tag of the packet that came last.
  };
  Tier& of(Precedence precedence) { return tiers_[static_cast<std::size_t>(precedence)]; }

  std::map<std::tuple<Precedence, double, std::uint64_t>, Packet> queue_;  ///< By tag.
  std::array<Tier, 2> tiers_;                                              ///< By Precedence.
  std::uint64_t sequence_{};
};

}  // namespace axs::twin
