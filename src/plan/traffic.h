#pragma once

#include <limits>

#include "axs/plan/workload.h"

/// What devices send each other, in counts and sizes: layer_time() and step_time() say how long it
/// takes, breakdown.h how much it is.
namespace axs::plan {

/// All-reduces over the tensor devices.
struct TensorMessages {
  double of_a_pass = 0;  ///< of a mean layer
  Bytes size{};          ///< of each
};
/// After the attention and after the network, or with sequence parallelism as much in two halves
/// (Korthikanti et al. 2022, section 4.2). Blocks side by side share one; whole experts need none.
TensorMessages tensor_messages(const ModelShape& shape, const ParallelPlan& plan);

/// What a device sends in one pass through a layer so that queries meet the keys and values of
/// others: around a ring, or where unlike devices share what the placement says.
Bytes sent_for_attention(const ModelShape& shape, const ParallelPlan& plan);

/// Activations that a device hands on to the next stage for a micro-batch; their gradients, which
/// come back, are as large.
Bytes stage_message(const Workload& workload);

/// On a device.
struct DeviceParameters {
  LayerParameters layer{};  ///< of a mean one
  double embedding = 0;     ///< of it or the head
};
DeviceParameters device_parameters(const ModelShape& shape, const ParallelPlan& plan);

/// On a device of a stage: `routed` of its experts.
struct StageParameters {
  double common = 0;
  double routed = 0;
};
/// With so many layers, and matrices of the embedding's size.
StageParameters stage_parameters(const DeviceParameters& of_device, double layers,
                                 double embeddings);

/// Bytes of a parameter that replicas exchange, in the mean of two passes: gradients come together
/// in the first; in the second their sums go back or, where each replica updates a part, two-byte
/// weights. Our own worker sends sums back in any case.
double exchanged_bytes(const Workload& workload);

/// Bytes of a gradient that is reduced to shards: four (two in 2021), or what the software
/// exchanges without shards.
double reduced_bytes(const Software& software);

/// Devices that have the same parameters, all or some of them.
struct Sharers {
  double count = 1;
  double apart = 1;  ///< one of so many devices is one of them
  /// On a node: unlike devices, which may be among them, are on others.
  double together_max = std::numeric_limits<double>::infinity();
};
/// Of all parameters but routed experts, and of these, which lie as far apart as they are dealt
/// out.
Sharers sharers(const ParallelPlan& plan);
Sharers expert_sharers(const ParallelPlan& plan);
/// Those among which a device's states are cut: all of them, or those of its node.
Sharers cut_among(const Workload& workload, Sharers all);

/// What each of `ranks` devices sends for an all-reduce: all but its own part, twice (Thakur et al.
/// 2005).
Bytes sent_for_all_reduce(Bytes size, double ranks);

}  // namespace axs::plan
