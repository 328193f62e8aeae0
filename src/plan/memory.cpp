#include "axs/plan/memory.h"

#include <algorithm>

#include "axs/plan/traffic.h"

namespace axs::plan {

namespace {

constexpr Bytes gibibyte{1073741824.0};
/// Small tensors that nobody counts, and the rounding of all others.
constexpr double uncounted = 0.01;

/// What a layer keeps of one micro-batch: Korthikanti et al. 2022, section 4.1, with the MLP's
/// width and the heads of keys and values free.
class LayerMemory {
 public:
  explicit LayerMemory(const Workload& work)
      : shape_{work.shape},
        plan_{work.plan},
        software_{work.software},
        tokens_{micro_batch_tokens(plan_)},
        widths_{layer_widths(shape_, plan_)} {}

  Bytes kept() const {
    switch (plan_.recompute) {
      case Recompute::none:
        return everything();
      case Recompute::full:
        return Bytes{tokens_ * 2 * widths_.hidden};
      case Recompute::selective:
        return software_.selective == Selective::attention ? all_but_scores() : half_the_products();
    }
    AXS_ASSERT(false);
  }
  Bytes everything() const { return all_but_scores() + scores(); }

 private:
  /// Inputs of both norms and of the four products, dropout's masks, and what the activation needs.
  Bytes all_but_scores() const {
    const double in_fp8 = plan_.precision != Precision::bf16 && software_.keeps_fp8_inputs ? 1 : 0;
    const double masks = software_.dropout ? 2 : 0;
    const double gate = shape_.gated ? 2 : 0;
    return Bytes{tokens_ *
                 ((8 - 2 * in_fp8 + masks) * widths_.hidden + (4 - in_fp8) * widths_.routed +
                  2 * widths_.query_key_value + (2 - in_fp8) * widths_.attended +
                  (4 + gate - in_fp8) * widths_.feed_forward)};
  }
  /// Five bytes of each score, or one sum of each row in four.
  Bytes scores() const {
    const double heads = heads_here(shape_, plan_.tensor).queries;
    return Bytes{is_flash(software_.attention) ? 4 * tokens_ * heads
                                               : 5 * tokens_ * heads * plan_.sequence};
  }
  /// Of torchtitan: every other product's output is computed again. The compiler keeps a tenth
  /// less.
  Bytes half_the_products() const {
    const double outputs = widths_.query_key_value + 2 * widths_.hidden + 2 * widths_.feed_forward;
    const double compiled = software_.pointwise == Pointwise::compiled ? 0.9 : 1;
    return Bytes{compiled * tokens_ * (2 * widths_.hidden + 2 * widths_.attended + outputs)};
  }

  const ModelShape& shape_;
  const ParallelPlan& plan_;
  const Software& software_;
  double tokens_;
  LayerWidths widths_;
};

class StageMemory {
 public:
  explicit StageMemory(const Workload& work)
      : shape_{work.shape},
        plan_{work.plan},
        software_{work.software},
        layer_{work},
        embedding_{embedding_parameters_here(shape_, plan_)},
        parameters_{parameters_here(shape_, plan_)},
        tokens_{micro_batch_tokens(plan_)},
        cut_{cut_among(work, sharers(plan_)).count},
        experts_cut_{cut_among(work, expert_sharers(plan_)).count} {}

  MemoryUse of(std::uint32_t stage) const {
    const double layers = layers_of_stage(shape_, plan_, stage);
    const bool has_head = stage + 1 == plan_.pipeline;
    const double common =
        layers * parameters_.common + embeddings_of_stage(shape_, plan_, stage) * embedding_;
    const double routed = layers * parameters_.routed;
    const bool counts_all = software_.memory_figure != MemoryFigure::layers;
    return {.stage = stage,
            .state = state(common, cut_) + state(routed, experts_cut_),
            .gathered = gathered(common + routed),
            .activations =
                layers *
                in_flight(stage, plan_.pipeline, plan_.virtual_stages, micro_batches(plan_)) *
                layer_.kept(),
            .logits = has_head && counts_all ? logits() : Bytes{},
            .workspace = counts_all ? workspace() : Bytes{}};
  }

 private:
  /// Weights and gradients in two and four bytes, Adam's master copy and moments in twelve, cut as
  /// ZeRO cuts them (Rajbhandari et al. 2020). A pipeline reduces gradients at the end of the step:
  /// until then they are whole.
  Bytes state(double parameters, double shards) const {
    switch (plan_.sharding) {
      case Sharding::none:
        return Bytes{parameters * software_.state_bytes};
      case Sharding::optimizer:
        return Bytes{parameters * (6 + 12 / shards)};
      case Sharding::gradients:
        return Bytes{parameters * (plan_.pipeline > 1 ? 6 + 12 / shards : 2 + 16 / shards)};
      case Sharding::parameters:
        return Bytes{parameters * 16 / shards};
    }
    AXS_ASSERT(false);
  }

  /// Two layers in two bytes, the gradients of one in four, and the same of embedding and head;
  /// with a pipeline all of the stage. ZeRO-2 has gradients only.
  Bytes gathered(double parameters) const {
    const bool pipelined = plan_.pipeline > 1;
    const double layer = parameters_.total();
    if (plan_.sharding == Sharding::parameters)
      return pipelined ? Bytes{6 * parameters}
                       : Bytes{8 * layer + (shape_.tied ? 6 : 8) * embedding_};
    if (plan_.sharding == Sharding::gradients && !pipelined)
      return Bytes{4 * std::max(layer, embedding_)};
    return {};
  }

  Bytes logits() const {
    return Bytes{tokens_ * most_of(shape_.vocabulary, plan_.tensor) * software_.logit_bytes};
  }

  Bytes workspace() const {
    Bytes held = plan_.recompute == Recompute::none ? Bytes{} : layer_.everything();
    if (plan_.share) held += plan_.micro_batch * plan_.share->fetched;
    if (plan_.tensor == 1) return held;
    return held + Bytes{tokens_ * shape_.hidden * software_.tensor_workspace_bytes};
  }

  const ModelShape& shape_;
  const ParallelPlan& plan_;
  const Software& software_;
  LayerMemory layer_;
  double embedding_;
  LayerParameters parameters_;
  double tokens_;
  double cut_;  ///< devices among which states are cut
  double experts_cut_;
};

Bytes live(const MemoryUse& use) {
  return use.state + use.gathered + use.activations + use.logits + use.workspace;
}

/// What the figure counts for `live` bytes of tensors. Around a ring that leaves the node, buffers
/// of about a gibibyte for each other member were seen.
Bytes counted(Bytes live, const Workload& work, const MemoryFit& fit) {
  const ParallelPlan& plan = work.plan;
  const bool leaves_node =
      plan.context > 1 && plan.context * plan.tensor > work.accelerator.per_node;
  switch (work.software.memory_figure) {
    case MemoryFigure::layers:
    case MemoryFigure::tensors:
      return live;
    case MemoryFigure::device:
      return live + fit.runtime;
    case MemoryFigure::reserved:
      return live * fit.reserved + fit.reserve +
             (leaves_node ? (plan.context - 1.0) * gibibyte : Bytes{});
  }
  AXS_ASSERT(false);
}

}  // namespace

Result<MemoryUse> memory_use(const Workload& workload, const MemoryFit& fit) {
  AXS_TRY(check(workload.shape, workload.plan));
  MemoryUse most = memory_of_stage(workload, 0, fit);
  for (std::uint32_t stage = 1; stage < workload.plan.pipeline; ++stage) {
    const MemoryUse other = memory_of_stage(workload, stage, fit);
    if (other.total > most.total) most = other;
  }
  return most;
}

MemoryUse memory_of_stage(const Workload& workload, std::uint32_t stage, const MemoryFit& fit) {
  MemoryUse use = StageMemory{workload}.of(stage);
  use.total = counted(live(use) * (1 + uncounted), workload, fit);
  use.overhead = use.total - live(use);
  return use;
}

}  // namespace axs::plan
