#include "axs/plan/step_time.h"

#include <algorithm>

#include "axs/core/dmath.h"
#include "axs/plan/collectives.h"
#include "axs/plan/layer_time.h"
#include "axs/plan/matrix_product.h"
#include "axs/plan/traffic.h"

namespace axs::plan {

namespace {

constexpr Seconds fixed_per_step{15e-3};
/// Adam reads and writes weights in two precisions, the gradient and two moments.
constexpr double optimizer_bytes = 44;

/// What a device does with one micro-batch besides its layers.
struct Ends {
  Seconds embedding;
  Seconds head;
};

/// A micro-batch on one stage.
struct StageTime {
  double layers;
  Seconds ends;       ///< embedding and head, where this stage has them
  Seconds transfers;  ///< of this stage, while others wait
  Seconds computing;  ///< all but the transfers

  Seconds total() const { return computing + transfers; }
};

bool is_sharded(const ParallelPlan& plan) {
  return plan.sharding == Sharding::gradients || plan.sharding == Sharding::parameters;
}

class Step {
 public:
  Step(const Workload& workload, const Calibration& calibration)
      : work_{workload},
        plan_{workload.plan},
        fit_{calibration.shared},
        machine_{machine_of(workload.accelerator, workload.network, calibration)},
        layer_{layer_time(workload, machine_, fit_)},
        tensor_{static_cast<double>(plan_.tensor)},
        shards_{replicas(plan_)},
        stages_{static_cast<double>(plan_.pipeline)},
        tokens_{micro_batch_tokens(plan_)},
        parameters_{stage_parameters(work_.shape, plan_)},
        ends_{ends()},
        sharding_{sharding_exchange()},
        transfers_{stage_transfers()} {}

  StepTime time() const {
    const double count = micro_batches(plan_);
    const StageTime slowest = slowest_stage();
    const double layers = count * slowest.layers;
    StepTime step{.products = layers * layer_.products,
                  .attention = layers * layer_.attention,
                  .pointwise = layers * layer_.pointwise,
                  .recompute = layers * layer_.recompute,
                  .tensor_exchange = layers * layer_.tensor_exchange,
                  .expert_exchange = layers * layer_.expert_exchange,
                  .host = layers * layer_.host,
                  .embedding_and_head = count * slowest.ends,
                  .sharding_exchange = count * sharding_,
                  .stage_transfers = count * slowest.transfers,
                  .bubble = bubble(slowest),
                  .data_exchange = data_exchange(),
                  .optimizer = optimizer(),
                  .fixed = fixed_per_step,
                  .zero_shot = zero_shot(),
                  .spread = spread()};
    const Seconds busy =
        count * slowest.total() + step.bubble + step.data_exchange + step.optimizer;
    const double nodes = devices(plan_) / machine_.links.per_node;
    step.stragglers = busy * straggling(nodes, fit_.stragglers);
    step.total = busy + step.stragglers + step.fixed;
    return step;
  }

 private:
  Group data_group() const { return group_of(shards_, tensor_, machine_.links); }
  double mean_layers() const { return work_.shape.layers / stages_; }

  /// The loss reads and writes each logit 20 bytes' worth; gathered and one by one 90.
  Ends ends() const {
    const double hidden = work_.shape.hidden;
    const double vocabulary = work_.shape.vocabulary;
    const double mine = vocabulary / tensor_;
    const Bytes loss{tokens_ * (work_.software.gathers_logits ? 90 * vocabulary : 20 * mine)};
    const Seconds head = product_time({tokens_, mine, hidden}, machine_) +
                         product_time({tokens_, hidden, mine}, machine_) +
                         product_time({hidden, mine, tokens_}, machine_) + loss / machine_.memory;
    return {Bytes{12 * tokens_ * hidden} / machine_.memory, head};
  }

  /// Weights are gathered in two bytes, once for each pass; gradients are reduced in four (two in
  /// 2021). With a pipeline the weights stay gathered over the step. What is hidden slows the
  /// kernels that hide it down (Rajbhandari et al. 2020; Zhao et al. 2023).
  Seconds sharding_exchange() const {
    if (!is_sharded(plan_)) return {};
    const bool pipelined = plan_.pipeline > 1;
    const double share = work_.software.single_rail_sharding ? 1.0 / 8 : 1;
    const double gradient_bytes = work_.software.single_rail_sharding ? 2 : 4;
    const Group group = data_group();
    const double layer = parameters_here(work_.shape, plan_).total();
    const Seconds gather = one_pass(Bytes{2 * layer}, group, machine_.links, share);
    const Seconds reduce = one_pass(Bytes{gradient_bytes * layer}, group, machine_.links, share);
    const double count = micro_batches(plan_);
    const Seconds all = mean_layers() * (plan_.sharding == Sharding::parameters
                                             ? (pipelined ? 1 : 2) * gather + reduce
                                             : reduce + gather / count);
    const Seconds hidden = std::min(all, fit_.hiding * mean_layers() * layer_.total());
    const Seconds exposed = all - hidden + fit_.hiding_cost * share * hidden;
    return pipelined ? exposed / count : exposed;
  }

  /// What a stage that has two neighbours sends and receives for a micro-batch, as far as it is
  /// exposed: activations one way, gradients the other, for each of its virtual stages.
  Seconds stage_transfers() const {
    if (plan_.pipeline == 1) return {};
    const bool across = tensor_ * shards_ >= machine_.links.per_node;
    const BytesPerSecond rate = across ? machine_.links.device_rate() : machine_.links.scale_up;
    const Seconds once = stage_message(work_) / rate + fit_.network_latency;
    return fit_.exposed_transfers * 2 * plan_.virtual_stages * once;
  }

  StageTime stage(std::uint32_t number) const {
    const bool first = number == 0;
    const bool last = number + 1 == plan_.pipeline;
    const Seconds at_ends = (first ? ends_.embedding : Seconds{}) + (last ? ends_.head : Seconds{});
    const double layers = layers_of_stage(work_.shape, plan_, number);
    return {.layers = layers,
            .ends = at_ends,
            .transfers = transfers_ * (first || last ? 0.5 : 1),
            .computing = layers * layer_.total() + at_ends + sharding_};
  }

  StageTime slowest_stage() const {
    StageTime slowest = stage(0);
    for (std::uint32_t i = 1; i < plan_.pipeline; ++i) {
      const StageTime other = stage(i);
      if (other.total() > slowest.total()) slowest = other;
    }
    return slowest;
  }

  /// 1F1B (Narayanan et al. 2021): a micro-batch passes all stages once, of which one turn of the
  /// slowest is counted already; interleaving divides that by the virtual stages.
  Seconds bubble(const StageTime& slowest) const {
    if (plan_.pipeline == 1) return {};
    const Seconds once = work_.shape.layers * layer_.total() + ends_.embedding + ends_.head +
                         stages_ * sharding_ + (stages_ - 1) * transfers_ / plan_.virtual_stages;
    return (once - slowest.total()) / plan_.virtual_stages;
  }

  /// All-reduce of two-byte gradients. Where a node's devices share network cards and only some of
  /// a ring's members are on it, the rings are in each other's way.
  Seconds data_exchange() const {
    if (is_sharded(plan_)) return {};
    const Links& links = machine_.links;
    const Group group = data_group();
    const bool crowded = links.shared_rails && group.per_node > 1 &&
                         group.per_node < links.per_node && group.ranks > group.per_node;
    const double share = crowded ? links.shared_rails_share : 1;
    const Seconds all =
        all_reduce(Bytes{2 * parameters_.common}, group, links, share) + exchange_of_experts();
    if (!work_.software.overlaps_data) return all;
    const Seconds hidden = fit_.hiding * (mean_layers() * layer_.total() + sharding_);
    return std::max(0.1 * all, all - hidden);
  }

  /// Devices that have the same whole experts lie that far apart.
  Seconds exchange_of_experts() const {
    if (!work_.shape.is_mixture()) return {};
    const double stride = plan_.expert == 1 ? tensor_ : plan_.expert;
    return all_reduce(Bytes{2 * parameters_.routed},
                      group_of(expert_replicas(plan_), stride, machine_.links), machine_.links);
  }

  Seconds optimizer() const {
    const bool cut = plan_.sharding != Sharding::none;
    const double mine = parameters_.common / (cut ? shards_ : 1) +
                        parameters_.routed / (cut ? expert_replicas(plan_) : 1);
    return Bytes{optimizer_bytes * mine} / machine_.memory;
  }

  bool zero_shot() const {
    return !machine_.measured || work_.shape.is_mixture() || plan_.precision == Precision::fp4;
  }

  /// From the errors of sources that were left out of the fit: within exp(0.2) lie 92 % of them,
  /// but only 70 % of torchtitan's, which alone has pipelines of shards and of fp8. Software that
  /// nobody has looked at is no better known. A family without rows has declared numbers only: with
  /// such, fitted on the other family, exp(0.38) holds nine of ten of the worst source. Of experts
  /// and 4 bits no run tells; what is added for them is a judgement.
  double spread() const {
    const bool without_runs = work_.shape.is_mixture() || plan_.precision == Precision::fp4;
    if (!machine_.measured) return dmath::exp(without_runs ? 0.6 : 0.45);
    if (without_runs) return dmath::exp(0.45);
    const bool seldom = is_sharded(plan_) || plan_.precision == Precision::fp8;
    const ModelShape& shape = work_.shape;
    const bool unusual = shape.parallel_blocks || shape.window > 0;
    const bool known = work_.software.fitted && !unusual && !(seldom && plan_.pipeline > 1);
    return dmath::exp(known ? 0.2 : 0.3);
  }

  const Workload& work_;
  const ParallelPlan& plan_;
  const SharedFit& fit_;
  Machine machine_;
  LayerTime layer_;
  double tensor_;
  double shards_;  ///< devices that share the gradients of the same parameters
  double stages_;
  double tokens_;
  StageParameters parameters_;  ///< of a mean stage
  Ends ends_;
  Seconds sharding_;   ///< exposed exchange of shards, of a micro-batch
  Seconds transfers_;  ///< of a micro-batch, of a stage between two others
};

}  // namespace

double straggling(double nodes, double per_doubling) {
  return per_doubling * dmath::log(std::max(nodes, 1.0)) / dmath::log(2);
}

Result<StepTime> step_time(const Workload& workload, const Calibration& calibration) {
  AXS_TRY(check(workload.shape, workload.plan));
  return Step{workload, calibration}.time();
}

}  // namespace axs::plan
