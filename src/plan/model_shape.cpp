#include "axs/plan/model_shape.h"

#include <algorithm>

namespace axs::plan {

namespace {

ModelShape passed_by_a_token(const ModelShape& shape) {
  ModelShape passed = shape;
  if (shape.is_mixture()) passed.experts.count = shape.experts.chosen;
  return passed;
}

/// Up and down of a network of another width.
std::array<WeightShard, 2> network_shards(ModelShape shape, std::uint32_t width, double tensor) {
  shape.feed_forward = width;
  const LayerShards shards = layer_shards(shape, tensor);
  return {shards.up, shards.down};
}

}  // namespace

double LayerShards::parameters() const {
  double sum = 0;
  for (const WeightShard& shard : all()) sum += shard.parameters();
  return sum;
}

double kv_heads_held(const ModelShape& shape, double tensor) {
  return std::max<double>(shape.kv_heads, tensor);
}

LayerShards layer_shards(const ModelShape& shape, double tensor) {
  const double hidden = shape.hidden;
  const double width = shape.head_width / tensor;
  const double feed_forward = shape.feed_forward / tensor;
  return {.query_key_value = {(shape.heads + 2 * kv_heads_held(shape, tensor)) * width, hidden},
          .attention_out = {hidden, shape.heads * width},
          .up = {(shape.gated ? 2 : 1) * feed_forward, hidden},
          .down = {hidden, feed_forward}};
}

std::array<WeightShard, 2> expert_shards(const ModelShape& shape, double tensor) {
  return network_shards(shape, shape.experts.feed_forward, tensor);
}

std::array<WeightShard, 2> shared_expert_shards(const ModelShape& shape, double tensor) {
  return network_shards(shape, shape.experts.shared * shape.experts.feed_forward, tensor);
}

LayerParameters layer_parameters(const ModelShape& shape, double tensor) {
  const LayerShards dense = layer_shards(shape, tensor);
  if (!shape.is_mixture()) return {.common = dense.parameters()};
  const double share = shape.mixture_share();
  const auto [up, down] = expert_shards(shape, 1);
  const auto [shared_up, shared_down] = shared_expert_shards(shape, tensor);
  const double count = shape.experts.count;
  const double attention = dense.query_key_value.parameters() + dense.attention_out.parameters();
  const double network = dense.up.parameters() + dense.down.parameters();
  const double shared = shared_up.parameters() + shared_down.parameters();
  const double router = count * shape.hidden;
  return {.common = attention + (1 - share) * network + share * (shared + router),
          .routed = share * count * (up.parameters() + down.parameters())};
}

double ModelShape::mixture_share() const {
  return is_mixture() ? static_cast<double>(layers - experts.dense_layers) / layers : 0;
}

double ModelShape::window_share() const {
  return window > 0 ? static_cast<double>(layers - global_layers) / layers : 0;
}

double parameters(const ModelShape& shape) {
  const double embedding = static_cast<double>(shape.vocabulary) * shape.hidden;
  return shape.layers * layer_parameters(shape, 1).total() + (shape.tied ? 1 : 2) * embedding;
}

double active_parameters(const ModelShape& shape) {
  return parameters(passed_by_a_token(shape));
}

Flops training_flops_per_token(const ModelShape& shape, double sequence) {
  const double width = static_cast<double>(shape.heads) * shape.head_width;
  const double layer = layer_parameters(passed_by_a_token(shape), 1).total() + 2 * sequence * width;
  const double head = static_cast<double>(shape.vocabulary) * shape.hidden;
  return Flops{6 * (shape.layers * layer + head)};
}

}  // namespace axs::plan
