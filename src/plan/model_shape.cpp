#include "axs/plan/model_shape.h"

#include <algorithm>
#include <cmath>
#include <functional>

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

double most_of(double units, double tensor) {
  return std::ceil(units / tensor);
}

HeadsHere heads_here(const ModelShape& shape, double tensor) {
  const std::uint32_t keys = std::max(shape.kv_heads, 1u);  // Published runs may lack the number.
  const std::uint32_t queries = shape.heads / keys;
  const std::uint32_t more = shape.heads % keys;  // Of no job: groups with a query head more.
  if (tensor <= keys) {
    const double groups = most_of(keys, tensor);
    return {groups * queries + std::min<double>(groups, more), groups};
  }
  return {most_of(queries + std::min(more, 1u), std::floor(tensor / keys)), 1};
}

std::vector<std::uint32_t> heads_of_devices(const ModelShape& shape, std::uint32_t tensor) {
  const auto part = [](std::uint32_t units, std::uint32_t parts, std::uint32_t number) {
    return units / parts + (number < units % parts ? 1 : 0);
  };
  std::vector<std::uint32_t> heads(tensor);
  for (std::uint32_t group = 0; group < shape.kv_heads; ++group) {
    const std::uint32_t queries = part(shape.heads, shape.kv_heads, group);
    if (tensor <= shape.kv_heads) {
      heads[group % tensor] += queries;
      continue;
    }
    const std::uint32_t sharing = part(tensor, shape.kv_heads, group);
    for (std::uint32_t i = 0; i < sharing; ++i)
      heads[group + i * shape.kv_heads] = part(queries, sharing, i);
  }
  std::ranges::sort(heads, std::ranges::greater{});
  return heads;
}

LayerShards layer_shards(const ModelShape& shape, double tensor) {
  const double hidden = shape.hidden;
  const auto [queries, keys] = heads_here(shape, tensor);
  const double feed_forward = most_of(shape.feed_forward, tensor);
  return {.query_key_value = {(queries + 2 * keys) * shape.head_width, hidden},
          .attention_out = {hidden, queries * shape.head_width},
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
