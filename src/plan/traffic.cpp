#include "axs/plan/traffic.h"

#include <algorithm>
#include <cmath>

namespace axs::plan {

namespace {

/// As if the devices of each replica were on nodes of their own, so that more replicas never
/// exchange faster.
double together_max(const ParallelPlan& plan) {
  return plan.share ? plan.share->alike : std::numeric_limits<double>::infinity();
}

}  // namespace

TensorMessages tensor_messages(const ModelShape& shape, const ParallelPlan& plan) {
  const bool whole_experts = plan.expert > 1 && shape.experts.shared == 0;
  const double after_network = shape.parallel_blocks ? 0
                               : whole_experts       ? 1 - shape.mixture_share()
                                                     : 1;
  return {1 + after_network, Bytes{2 * micro_batch_tokens(plan) * shape.hidden}};
}

Bytes sent_for_attention(const ModelShape& shape, const ParallelPlan& plan) {
  if (plan.share) return plan.micro_batch * plan.share->sent;
  const double width = 2 * heads_here(shape, plan.tensor).keys * shape.head_width;
  return Bytes{2 * width * micro_batch_tokens(plan) * (plan.context - 1.0)};
}

Bytes stage_message(const Workload& workload) {
  const ParallelPlan& plan = workload.plan;
  const bool in_parts = workload.software.partitioned_transfers || plan.sequence_parallel;
  return Bytes{2 * micro_batch_tokens(plan) * workload.shape.hidden / (in_parts ? plan.tensor : 1)};
}

DeviceParameters device_parameters(const ModelShape& shape, const ParallelPlan& plan) {
  return {parameters_here(shape, plan), embedding_parameters_here(shape, plan)};
}

StageParameters stage_parameters(const DeviceParameters& of_device, double layers,
                                 double embeddings) {
  const auto& [layer, embedding] = of_device;
  return {layer.common * layers + embeddings * embedding, layer.routed * layers};
}

double exchanged_bytes(const Workload& workload) {
  const double gradient = workload.software.gradient_bytes;
  const bool sums_go_back =
      workload.plan.sharding == Sharding::none || workload.software.replicas_only;
  return sums_go_back ? gradient : 0.5 * (gradient + 2);
}

double reduced_bytes(const Software& software) {
  return std::max(software.gradient_bytes, software.single_rail_sharding ? 2.0 : 4.0);
}

Sharers sharers(const ParallelPlan& plan) {
  return {replicas(plan), static_cast<double>(plan.tensor), together_max(plan)};
}

Sharers expert_sharers(const ParallelPlan& plan) {
  return {expert_replicas(plan), static_cast<double>(plan.expert == 1 ? plan.tensor : plan.expert),
          together_max(plan)};
}

Sharers cut_among(const Workload& workload, Sharers all) {
  if (!workload.software.shards_within_node || !cuts_gradients(workload.plan.sharding)) return all;
  const double on_node = std::floor(workload.accelerator.per_node / all.apart);
  return {std::min({all.count, std::max(1.0, on_node), all.together_max}), all.apart,
          all.together_max};
}

Bytes sent_for_all_reduce(Bytes size, double ranks) {
  return 2 * ((ranks - 1) / ranks) * size;
}

}  // namespace axs::plan
