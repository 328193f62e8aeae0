#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "axs/core/units.h"

namespace axs::plan {

/// A mixture of experts in place of the feed-forward network: a router sends each token to some of
/// them (Shazeer et al. 2017).
struct Experts {
  std::uint32_t count = 0;         ///< of a layer; 0: the model is dense
  std::uint32_t chosen = 0;        ///< for each token
  std::uint32_t shared = 0;        ///< beside them, for all tokens
  std::uint32_t feed_forward = 0;  ///< width of one
  std::uint32_t dense_layers = 0;  ///< that have none, but `ModelShape::feed_forward`
  std::uint32_t nodes = 0;         ///< that the experts of a token are on at most; 0: any number
};

/// A decoder-only transformer, as far as time and memory depend on it.
struct ModelShape {
  std::uint32_t layers = 1;
  std::uint32_t hidden = 1;  ///< width of what passes from layer to layer
  std::uint32_t heads = 1;
  std::uint32_t kv_heads = 1;    ///< fewer than heads where queries share keys and values
  std::uint32_t head_width = 1;  ///< hidden / heads in most models
  std::uint32_t feed_forward = 1;
  bool gated = false;  ///< SwiGLU: two matrices up, one down
  std::uint32_t vocabulary = 1;
  bool tied = false;  ///< the embedding is also the head
  Experts experts{};
  std::uint32_t window = 0;         ///< tokens that a query sees at most; 0: all before it
  std::uint32_t global_layers = 0;  ///< that see all even so
  /// Attention and feed-forward network run side by side (Wang and Komatsuzaki 2021).
  bool parallel_blocks = false;

  bool is_mixture() const { return experts.count > 0; }
  /// Of the layers.
  double mixture_share() const;
  double window_share() const;
};

/// The part of a weight matrix that one device holds: a row of it gives an output.
struct WeightShard {
  double outputs;
  double inputs;

  double parameters() const { return outputs * inputs; }
};

/// What is cut over tensor devices is dealt out in whole units, as evenly as may be, and the device
/// with most of them sets time and memory: what it has of `units`.
double most_of(double units, double tensor);

/// Heads on the tensor device that has most.
struct HeadsHere {
  double queries;
  double keys;  ///< and values
};
/// Keys and values with all queries that share them are a unit. Where there are fewer of these than
/// devices, several devices have the same keys and values and share their queries.
HeadsHere heads_here(const ModelShape& shape, double tensor);
/// Query heads of each tensor device, those with most first.
std::vector<std::uint32_t> heads_of_devices(const ModelShape& shape, std::uint32_t tensor);

/// The matrices of a layer, cut over `tensor` devices as Megatron does: the first and third by
/// outputs, the others by inputs (Shoeybi et al. 2019, section 3).
struct LayerShards {
  WeightShard query_key_value;
  WeightShard attention_out;
  WeightShard up;
  WeightShard down;

  std::array<WeightShard, 4> all() const { return {query_key_value, attention_out, up, down}; }
  double parameters() const;
};
LayerShards layer_shards(const ModelShape& shape, double tensor);
/// A routed expert whose width is cut over `tensor` devices: up and down.
std::array<WeightShard, 2> expert_shards(const ModelShape& shape, double tensor);
/// The same of the experts that all tokens pass, as one.
std::array<WeightShard, 2> shared_expert_shards(const ModelShape& shape, double tensor);

/// Parameters of a layer, in the mean over all layers.
struct LayerParameters {
  double common = 0;  ///< of attention, network or shared experts, router; cut over `tensor`
  double routed = 0;  ///< of all routed experts, not cut

  double total() const { return common + routed; }
};
LayerParameters layer_parameters(const ModelShape& shape, double tensor);

/// All parameters but norms, biases and learned positions, which are below 1 % in the models that
/// need a planner.
double parameters(const ModelShape& shape);
/// Those that a token passes.
double active_parameters(const ModelShape& shape);

/// What a training token costs: three times the forward products, attention counted in full though
/// half of it is masked, nothing counted twice for recomputation. It is the convention of NVIDIA's
/// tables until 2024 (Korthikanti et al. 2022, appendix A).
Flops training_flops_per_token(const ModelShape& shape, double sequence);

}  // namespace axs::plan
