#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/units.h"
#include "axs/plan/model_shape.h"
#include "axs/plan/precision.h"

namespace axs::plan {

/// What is computed again in the backward pass instead of being kept.
enum class Recompute { none, selective, full };
/// What is cut over the data-parallel devices: ZeRO stages 0 to 3. The distributed optimiser of
/// Megatron is `optimizer`, FSDP is `parameters`.
enum class Sharding { none, optimizer, gradients, parameters };

/// ZeRO-2 and 3.
constexpr bool cuts_gradients(Sharding sharding) {
  return sharding == Sharding::gradients || sharding == Sharding::parameters;
}

/// What one of several unlike devices has to do with each sequence that they share.
struct SequenceShare {
  std::uint32_t tokens = 0;  ///< whose activations it holds
  /// Of the devices that share, those that are like it: no others are on its node.
  std::uint32_t alike = 1;
  Flops attention{};  ///< of a layer, forward: what takes as long at the rate of its attention
  Bytes exchanged{};  ///< for that, by its link: what it sends and what it gets
  Bytes sent{};       ///< for that, in the mean over those that are like it
  Bytes fetched{};    ///< and holds beside its own tokens

  bool operator==(const SequenceShare&) const = default;
};

/// How a model is trained on devices of one kind. Ranks are numbered tensor first, then context,
/// then data, then pipeline, so that what talks most is nearest.
struct ParallelPlan {
  std::uint32_t tensor = 1;
  std::uint32_t context = 1;
  std::uint32_t data = 1;
  std::uint32_t pipeline = 1;
  /// Devices among the tensor × context × data ones over which the experts are dealt out; each has
  /// whole ones. 1: all devices have all experts, cut as tensors are.
  std::uint32_t expert = 1;
  std::uint32_t virtual_stages = 1;  ///< of each device, with the interleaved schedule
  bool sequence_parallel = false;    ///< norms and dropout are cut over the tensor devices too
  Sharding sharding = Sharding::none;
  Recompute recompute = Recompute::none;
  Precision precision = Precision::bf16;
  std::uint32_t micro_batch = 1;   ///< sequences
  std::uint32_t global_batch = 1;  ///< sequences of a step, on all devices together
  std::uint32_t sequence = 1;      ///< tokens
  /// Layers of each pipeline stage. Empty: as many on each; what is left over goes to the first.
  std::vector<std::uint32_t> stage_layers;
  /// Of the device that is asked for, if the `context` ones are unlike. Empty: all have as much.
  std::optional<SequenceShare> share{};
};

double devices(const ParallelPlan& plan);
/// That each device computes in a step, one after the other.
double micro_batches(const ParallelPlan& plan);
/// Of a micro-batch, on one device.
double micro_batch_tokens(const ParallelPlan& plan);
/// How wide the tensors of a layer are on one device, in elements for each token.
struct LayerWidths {
  double hidden;           ///< between the products, where norms and dropout are
  double query_key_value;  ///< out of the first product
  double attended;         ///< into the second
  double feed_forward;     ///< into the last, of all networks or experts that a token passes
  double routed;           ///< into routed experts
};
LayerWidths layer_widths(const ModelShape& shape, const ParallelPlan& plan);
/// Of a mean layer on one device: `routed` of the experts that it has.
LayerParameters parameters_here(const ModelShape& shape, const ParallelPlan& plan);
/// Devices that have the same parameters and share their gradients: of all but the routed experts,
/// and of these.
double replicas(const ParallelPlan& plan);
double expert_replicas(const ParallelPlan& plan);

double layers_of_stage(const ModelShape& shape, const ParallelPlan& plan, std::uint32_t stage);
/// Micro-batches whose activations a stage of a pipeline holds, of `count` ones: Korthikanti et al.
/// 2022, section 4.2.3.
double in_flight(std::uint32_t stage, std::uint32_t stages, std::uint32_t virtual_stages,
                 double count);
/// Embedding and head on a stage. At two ends of a pipeline tied ones are two as well.
double embeddings_of_stage(const ModelShape& shape, const ParallelPlan& plan, std::uint32_t stage);
/// Parameters of one of them on a device.
double embedding_parameters_here(const ModelShape& shape, const ParallelPlan& plan);

/// An error that names the first number of the plan that does not go with the shape.
Result<> check(const ModelShape& shape, const ParallelPlan& plan);

}  // namespace axs::plan
