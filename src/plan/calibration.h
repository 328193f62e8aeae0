#pragma once

#include <string>
#include <vector>

#include "axs/core/units.h"

namespace axs::plan {

/// The four numbers that are fitted for a family of accelerators, or declared where nobody has
/// published runs. The last one is never fitted.
struct FamilyFit {
  double products = 0.75;   ///< large products, as a share of the peak
  double half_depth = 200;  ///< depth of a product at which it has half of that
  double attention = 0.35;  ///< FlashAttention 2, as a share of the peak
  double memory = 0.75;     ///< of the memory's rate
  double host = 1;          ///< of the time that launching takes; 0: a step is compiled as a whole
};

/// What is fitted for all accelerators together. catalog/xray-fit.toml has the values;
/// tools/fit_xray.py writes it.
struct SharedFit {
  double fp8_gain = 1;           ///< rate of products in fp8 over those in bf16
  double power_exponent = 0;     ///< rates go with (power limit / rated power) to this power
  double scale_up = 1;           ///< reached share of the rate between devices of a node
  double network = 1;            ///< reached share of the rate between nodes
  Seconds network_latency{};     ///< of a message between nodes
  double exposed_transfers = 1;  ///< share of what stages exchange that nobody hides
  double hiding = 1;             ///< share of computing time that can hide an exchange
  double hiding_cost = 0;        ///< seconds of computing lost for a second that is hidden
  double eager_bytes = 1;        ///< point-wise bytes, eager over fused
  double flash1 = 1;             ///< rate of FlashAttention 1 over 2
  double flash3 = 1;             ///< rate of FlashAttention 3, or cuDNN's on Hopper, over 2
  double shared_rails = 1;       ///< rate left to data-parallel rings whose devices share NICs
  double stragglers = 0;         ///< of the time of a step, per doubling of the nodes
};

/// How much a device uses beside its tensors.
struct MemoryFit {
  Bytes runtime{};      ///< driver, libraries, buffers of collectives
  double reserved = 1;  ///< what the allocator holds over what is live
  Bytes reserve{};      ///< what the allocator holds besides
};

struct Calibration {
  struct Family {
    std::string name;
    FamilyFit fit;
    std::vector<std::string> accelerators{};  ///< of which runs were fitted
  };
  std::vector<Family> families;
  /// Without a run to fit on: catalog/accelerators.toml has them with their reasons.
  std::vector<Family> declared;
  SharedFit shared;
  MemoryFit memory;
};

}  // namespace axs::plan
