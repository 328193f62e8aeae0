#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "axs/core/units.h"
#include "axs/plan/calibration.h"
#include "axs/plan/precision.h"

namespace axs::plan {

/// Facts of an accelerator type, as its data sheet has them.
struct Accelerator {
  std::string name;
  std::string family;     ///< whose fitted numbers hold for it
  FlopsPerSecond peak{};  ///< dense, bf16
  BytesPerSecond memory_rate{};
  Bytes memory{};
  std::uint32_t multiprocessors = 1;  ///< what works on a tile of a product at a time
  double tile_scale = 1;              ///< sides of these tiles over those of a GPU's
  BytesPerSecond scale_up{};          ///< of one device to the others of its node, one way
  std::uint32_t per_node = 1;         ///< that the scale-up network joins: a node, a rack, a slice
  std::uint32_t torus = 0;  ///< dimensions of that network; 0: all reach all through a switch
  Precision fastest = Precision::fp8;  ///< that its products have; a narrower one is no faster
  Watts power{};                       ///< its limit
  Watts rated_power{};                 ///< the limit at which its family is rated
  double idle_share = 0.15;            ///< of the limit, drawn whatever it does
  double host_share = 0.5;  ///< of the limit, drawn by host, network and fans for each device
  std::optional<FamilyFit> reaches{};  ///< what this very device does; else what its family does
};

/// What joins the nodes of a site.
struct Network {
  BytesPerSecond node_rate{};  ///< of a node to others, one way
  std::uint32_t rails = 1;     ///< network cards of a node
};

/// The rates that messages reach.
struct Links {
  BytesPerSecond scale_up{};
  BytesPerSecond node_rate{};
  double per_node = 1;
  bool shared_rails = false;  ///< fewer network cards than devices
  double shared_rails_share = 1;
  Seconds latency{};
  double torus = 0;

  /// Of the network, if all devices of a node use it at once.
  BytesPerSecond device_rate() const { return node_rate / per_node; }
};

/// An accelerator in its node and network, at the rates that it reaches.
struct Machine {
  FlopsPerSecond products{};  ///< large ones, in bf16
  double half_depth = 0;      ///< depth of a product at which it has half of that
  double fp8_gain = 1;
  Precision fastest = Precision::fp8;
  double host = 1;             ///< of the time that launching takes
  FlopsPerSecond attention{};  ///< FlashAttention 2, of the products that are not masked
  double flash3_gain = 1;      ///< of FlashAttention 3, where the accelerator has it
  BytesPerSecond memory{};
  double multiprocessors = 1;
  double tile_scale = 1;
  Links links;
  /// False: no run of this accelerator was fitted. Its efficiencies are those of its family, which
  /// are fitted on others of it or declared.
  bool measured = true;
};

Machine machine_of(const Accelerator& accelerator, const Network& network,
                   const Calibration& calibration);

}  // namespace axs::plan
