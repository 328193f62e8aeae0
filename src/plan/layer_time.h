#pragma once

#include "axs/plan/workload.h"

namespace axs::plan {

/// A micro-batch in one layer of one device, forward and backward.
struct LayerTime {
  Seconds products{};
  Seconds attention{};
  Seconds pointwise{};  ///< norms, activations, residuals, casts, adding gradients up
  Seconds recompute{};
  Seconds tensor_exchange{};  ///< as far as nobody hides it
  Seconds expert_exchange{};  ///< of tokens to their experts and back, as far as it is exposed
  Seconds host{};             ///< what launching adds where the device waits for it

  Seconds total() const {
    return products + attention + pointwise + recompute + tensor_exchange + expert_exchange + host;
  }
};

/// Of devices that wait for each other before and after the attention.
LayerTime slowest_of(const LayerTime& a, const LayerTime& b);

/// FlashAttention's, of the products that are not masked.
FlopsPerSecond attention_rate(const Machine& machine, const Software& software,
                              const SharedFit& fit);

/// `machine` is the workload's accelerator in its network.
LayerTime layer_time(const Workload& workload, const Machine& machine, const SharedFit& fit);

}  // namespace axs::plan
