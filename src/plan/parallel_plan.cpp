#include "axs/plan/parallel_plan.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <utility>

namespace axs::plan {

namespace {

Error wrong(const std::string& what, std::uint64_t seen, const std::string& want) {
  return {Errc::invalid, what + " " + std::to_string(seen) + ", want " + want};
}

/// Nobody has more. Stages are looked at one by one, so that layers have a limit of their own.
constexpr std::uint32_t number_max = 1u << 24;
constexpr std::uint32_t layers_max = 1u << 14;

Result<> check_numbers(const ModelShape& shape, const ParallelPlan& plan) {
  const std::array<std::pair<const char*, std::uint32_t>, 16> numbers{
      {{"layers", shape.layers},
       {"hidden", shape.hidden},
       {"heads", shape.heads},
       {"kv heads", shape.kv_heads},
       {"head width", shape.head_width},
       {"feed forward", shape.feed_forward},
       {"vocabulary", shape.vocabulary},
       {"tensor", plan.tensor},
       {"context", plan.context},
       {"data", plan.data},
       {"expert", plan.expert},
       {"pipeline", plan.pipeline},
       {"virtual stages", plan.virtual_stages},
       {"micro-batch", plan.micro_batch},
       {"global batch", plan.global_batch},
       {"sequence", plan.sequence}}};
  for (const auto& [name, number] : numbers)
    if (number < 1 || number > number_max)
      return wrong(name, number, "1 to " + std::to_string(number_max));
  return Ok{};
}

Result<> check_stages(const ModelShape& shape, const ParallelPlan& plan) {
  if (shape.layers > layers_max)
    return wrong("layers", shape.layers, "at most " + std::to_string(layers_max));
  const std::uint64_t parts = std::uint64_t{plan.pipeline} * plan.virtual_stages;
  if (parts > shape.layers)
    return wrong("pipeline × virtual stages", parts,
                 "at most one per layer, of " + std::to_string(shape.layers));
  if (plan.stage_layers.empty()) return Ok{};
  if (plan.stage_layers.size() != plan.pipeline)
    return wrong("stage layers: number of stages", plan.stage_layers.size(),
                 std::to_string(plan.pipeline));
  const auto sum =
      std::accumulate(plan.stage_layers.begin(), plan.stage_layers.end(), std::uint64_t{0});
  if (sum != shape.layers) return wrong("stage layers: sum", sum, std::to_string(shape.layers));
  return Ok{};
}

Result<> check_experts(const ModelShape& shape, const ParallelPlan& plan) {
  const Experts& experts = shape.experts;
  if (!shape.is_mixture()) {
    if (plan.expert == 1) return Ok{};
    return wrong("expert", plan.expert, "1, the model is dense");
  }
  if (experts.count > number_max)
    return wrong("experts", experts.count, "at most " + std::to_string(number_max));
  if (experts.chosen < 1 || experts.chosen > experts.count)
    return wrong("experts of a token", experts.chosen, "1 to " + std::to_string(experts.count));
  if (experts.shared > 1024) return wrong("shared experts", experts.shared, "at most 1024");
  if (experts.feed_forward < 1 || experts.feed_forward > (1u << 20))
    return wrong("feed forward of an expert", experts.feed_forward, "1 to 1048576");
  if (experts.dense_layers >= shape.layers)
    return wrong("dense layers", experts.dense_layers,
                 "less than the layers, " + std::to_string(shape.layers));
  if (experts.count % plan.expert != 0)
    return wrong("expert", plan.expert,
                 "a divisor of the experts, " + std::to_string(experts.count));
  const std::uint64_t ranks = std::uint64_t{plan.tensor} * plan.context * plan.data;
  if (ranks % plan.expert != 0)
    return wrong("expert", plan.expert,
                 "a divisor of tensor × context × data, " + std::to_string(ranks));
  return Ok{};
}

}  // namespace

double devices(const ParallelPlan& plan) {
  return static_cast<double>(plan.tensor) * plan.context * plan.data * plan.pipeline;
}

double micro_batches(const ParallelPlan& plan) {
  return plan.global_batch / (static_cast<double>(plan.data) * plan.micro_batch);
}

double micro_batch_tokens(const ParallelPlan& plan) {
  if (plan.share) return static_cast<double>(plan.micro_batch) * plan.share->tokens;
  return static_cast<double>(plan.micro_batch) * plan.sequence / plan.context;
}

LayerWidths layer_widths(const ModelShape& shape, const ParallelPlan& plan) {
  const double tensor = plan.tensor;
  const auto [queries, keys] = heads_here(shape, tensor);
  const double share = shape.mixture_share();
  const Experts& experts = shape.experts;
  const double passed = experts.chosen + experts.shared;
  // With whole experts on a device it is the tokens that are divided.
  const double expert =
      plan.expert == 1 ? most_of(experts.feed_forward, tensor) : experts.feed_forward / tensor;
  return {
      .hidden = plan.sequence_parallel ? shape.hidden / tensor : shape.hidden,
      .query_key_value = (queries + 2 * keys) * shape.head_width,
      .attended = queries * shape.head_width,
      .feed_forward = (1 - share) * most_of(shape.feed_forward, tensor) + share * passed * expert,
      .routed = share * experts.chosen * shape.hidden / (plan.expert == 1 ? 1 : tensor)};
}

double replicas(const ParallelPlan& plan) {
  return static_cast<double>(plan.data) * plan.context;
}

double expert_replicas(const ParallelPlan& plan) {
  return plan.expert == 1 ? replicas(plan) : replicas(plan) * plan.tensor / plan.expert;
}

LayerParameters parameters_here(const ModelShape& shape, const ParallelPlan& plan) {
  LayerParameters layer = layer_parameters(shape, plan.tensor);
  const double columns = shape.experts.feed_forward;
  if (plan.expert > 1)
    layer.routed /= plan.expert;
  else if (shape.is_mixture())
    layer.routed *= most_of(columns, plan.tensor) / columns;
  return layer;
}

double layers_of_stage(const ModelShape& shape, const ParallelPlan& plan, std::uint32_t stage) {
  if (!plan.stage_layers.empty()) return plan.stage_layers[stage];
  const std::uint32_t rest = shape.layers % plan.pipeline;
  return shape.layers / plan.pipeline + (stage < rest ? 1 : 0);
}

double in_flight(std::uint32_t stage, std::uint32_t stages, std::uint32_t virtual_stages,
                 double count) {
  const double behind = stages - stage;
  const double chunks = virtual_stages;
  if (virtual_stages == 1) return std::min(behind, count);
  return std::min(stages + (stages - 1) / chunks - 2 * stage / chunks, count);
}

double embeddings_of_stage(const ModelShape& shape, const ParallelPlan& plan, std::uint32_t stage) {
  if (plan.pipeline == 1) return shape.tied ? 1 : 2;
  return stage == 0 || stage + 1 == plan.pipeline ? 1 : 0;
}

double embedding_parameters_here(const ModelShape& shape, const ParallelPlan& plan) {
  return most_of(shape.vocabulary, plan.tensor) * shape.hidden;
}

Result<> check(const ModelShape& shape, const ParallelPlan& plan) {
  AXS_TRY(check_numbers(shape, plan));
  AXS_TRY(check_stages(shape, plan));
  AXS_TRY(check_experts(shape, plan));
  if (shape.global_layers > shape.layers)
    return wrong("global layers", shape.global_layers,
                 "at most the layers, " + std::to_string(shape.layers));
  if (plan.tensor > shape.heads)
    return wrong("tensor", plan.tensor, "at most the heads, " + std::to_string(shape.heads));
  const std::uint64_t at_once = std::uint64_t{plan.data} * plan.micro_batch;
  if (plan.global_batch % at_once != 0)
    return wrong("global batch", plan.global_batch,
                 "a multiple of data × micro-batch, " + std::to_string(at_once));
  return Ok{};
}

}  // namespace axs::plan
