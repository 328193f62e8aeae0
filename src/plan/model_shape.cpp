#include "axs/plan/model_shape.h"

namespace axs::plan {

double LayerShards::parameters() const {
  double sum = 0;
  for (const WeightShard& shard : all()) sum += shard.parameters();
  return sum;
}

LayerShards layer_shards(const ModelShape& shape, double tensor) {
  const double hidden = shape.hidden;
  const double width = shape.head_width / tensor;
  const double feed_forward = shape.feed_forward / tensor;
  return {.query_key_value = {(shape.heads + 2.0 * shape.kv_heads) * width, hidden},
          .attention_out = {hidden, shape.heads * width},
          .up = {(shape.gated ? 2 : 1) * feed_forward, hidden},
          .down = {hidden, feed_forward}};
}

double parameters(const ModelShape& shape) {
  const double embedding = static_cast<double>(shape.vocabulary) * shape.hidden;
  return shape.layers * layer_shards(shape, 1).parameters() + (shape.tied ? 1 : 2) * embedding;
}

Flops training_flops_per_token(const ModelShape& shape, double sequence) {
  const double width = static_cast<double>(shape.heads) * shape.head_width;
  const double layer = layer_shards(shape, 1).parameters() + 2 * sequence * width;
  const double head = static_cast<double>(shape.vocabulary) * shape.hidden;
  return Flops{6 * (shape.layers * layer + head)};
}

}  // namespace axs::plan
