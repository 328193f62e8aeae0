#include "axs/plan/step_time.h"

#include <algorithm>

#include "axs/core/dmath.h"
#include "axs/plan/collectives.h"
#include "axs/plan/interleaving.h"
#include "axs/plan/layer_time.h"
#include "axs/plan/matrix_product.h"
#include "axs/plan/traffic.h"

namespace axs::plan {

namespace {

/// Adam reads and writes weights in two precisions, the gradient and two moments.
constexpr double optimizer_bytes = 44;

/// What a stage does once, after the last micro-batch.
struct StageEnd {
  Seconds data_exchange;
  Seconds sharding_exchange;
  Seconds optimizer;

  Seconds total() const { return data_exchange + sharding_exchange + optimizer; }
};

/// Of the layers of a stage, as far as it is exposed.
struct ShardingExchange {
  Seconds micro_batch{};
  Seconds step{};
};

class Step {
 public:
  Step(const Workload& workload, const SharedFit& fit, const MicroBatchTime& known)
      : work_{workload},
        plan_{workload.plan},
        fit_{fit},
        machine_{known.machine},
        layer_{known.layer},
        embedding_{known.embedding},
        head_{known.head},
        tensor_{static_cast<double>(plan_.tensor)},
        sharers_{sharers(plan_)},
        cut_{cut_among(work_, sharers_)},
        expert_sharers_{expert_sharers(plan_)},
        experts_cut_{cut_among(work_, expert_sharers_)},
        data_group_{group_of(sharers_)},
        cut_group_{group_of(cut_)},
        stages_{static_cast<double>(plan_.pipeline)},
        parameters_{device_parameters(work_.shape, plan_)},
        sharding_{sharding_exchange()},
        transfers_{stage_transfers()} {}

  StepTime time() const {
    const StageTime slowest = slowest_stage();
    StepTime step = busy(slowest, slowest_end());
    step.bubble = bubble(slowest);
    const Seconds all = step.total + step.bubble;
    const double nodes = devices(plan_) / machine_.links.per_node;
    step.stragglers = all * straggling(nodes, fit_.stragglers);
    step.fixed = work_.software.host_per_step;
    step.total = all + step.stragglers + step.fixed;
    return step;
  }
  /// What a stage does in a step, without waiting for others.
  StepTime busy(const StageTime& stage, const StageEnd& end) const {
    const double count = micro_batches(plan_);
    const double layers = count * stage.layers;
    return {.products = layers * layer_.products,
            .attention = layers * layer_.attention,
            .pointwise = layers * layer_.pointwise,
            .recompute = layers * layer_.recompute,
            .tensor_exchange = layers * layer_.tensor_exchange,
            .expert_exchange = layers * layer_.expert_exchange,
            .host = layers * layer_.host,
            .embedding_and_head = count * stage.ends,
            .sharding_exchange = layers * sharding_.micro_batch + end.sharding_exchange,
            .stage_transfers = count * stage.transfers,
            .data_exchange = end.data_exchange,
            .optimizer = end.optimizer,
            .total = count * stage.total() + end.total(),
            .zero_shot = zero_shot(),
            .spread = spread()};
  }

  StageTime stage(std::uint32_t number) const {
    const bool first = number == 0;
    const bool last = number + 1 == plan_.pipeline;
    const Seconds at_ends = (first ? embedding_ : Seconds{}) + (last ? head_ : Seconds{});
    const double layers = layers_of_stage(work_.shape, plan_, number);
    return {.layers = layers,
            .ends = at_ends,
            .transfers = transfers_ * (first || last ? 0.5 : 1),
            .computing = layers * (layer_.total() + sharding_.micro_batch) + at_ends};
  }

  StageEnd end(std::uint32_t stage) const {
    return end(layers_of_stage(work_.shape, plan_, stage),
               embeddings_of_stage(work_.shape, plan_, stage));
  }
  StageEnd end(double layers, double embeddings) const {
    const auto [common, routed] = stage_parameters(parameters_, layers, embeddings);
    const bool cut = plan_.sharding != Sharding::none;
    const double mine = common / (cut ? cut_.count : 1) + routed / (cut ? experts_cut_.count : 1);
    return {.data_exchange = cuts_gradients(plan_.sharding)
                                 ? exchange_between_nodes(layers, common, routed)
                                 : data_exchange(layers, common, routed),
            .sharding_exchange = layers * sharding_.step,
            .optimizer = Bytes{optimizer_bytes * mine} / machine_.memory};
  }

 private:
  /// One stage of each kind that may be the slowest, or all.
  template <class Visit>
  void visit_stages(const Visit& visit) const {
    const bool even = plan_.stage_layers.empty();
    for (std::uint32_t stage = 0; stage < plan_.pipeline; ++stage)
      if (!even || stage <= 1 || stage + 1 == plan_.pipeline) visit(stage);
  }

  /// Weights are gathered in two bytes, once for each pass. ZeRO-2 gathers what the optimiser has
  /// changed, once in a step. With a pipeline the weights stay gathered over the step, and
  /// gradients are reduced at its end.
  ShardingExchange sharding_exchange() const {
    if (!cuts_gradients(plan_.sharding)) return {};
    const double layer = parameters_.layer.total();
    const Seconds gather = one_pass(Bytes{2 * layer}, cut_group_, machine_.links, rail_share());
    const Seconds reduce = one_pass(Bytes{reduced_bytes(work_.software) * layer}, cut_group_,
                                    machine_.links, rail_share());
    if (plan_.pipeline > 1) return {.step = exposed(gather + reduce)};
    if (plan_.sharding == Sharding::parameters)
      return {.micro_batch = exposed(2 * gather + reduce)};
    return {.micro_batch = exposed(reduce), .step = exposed(gather)};
  }
  /// Of gradients that are cut among the devices of each node.
  Seconds exchange_between_nodes(double layers, double common, double routed) const {
    Seconds all = between_nodes(common, sharers_, cut_);
    if (work_.shape.is_mixture()) all += between_nodes(routed, expert_sharers_, experts_cut_);
    return exposed_in_step(all, layers);
  }
  Seconds between_nodes(double parameters, const Sharers& all, const Sharers& cut) const {
    return all_reduce(Bytes{reduced_bytes(work_.software) * parameters / cut.count},
                      group_of({all.count / cut.count, all.apart * cut.count}), machine_.links);
  }
  Group group_of(const Sharers& devices) const {
    return plan::group_of(devices.count, devices.apart, machine_.links, devices.together_max);
  }
  double rail_share() const { return work_.software.single_rail_sharding ? 1.0 / 8 : 1; }
  /// What is hidden slows the kernels that hide it down (Rajbhandari et al. 2020; Zhao et al.
  /// 2023).
  Seconds exposed(Seconds exchange) const {
    const Seconds hidden = std::min(exchange, fit_.hiding * layer_.total());
    return exchange - hidden + fit_.hiding_cost * rail_share() * hidden;
  }

  /// What a stage that has two neighbours sends and receives for a micro-batch, as far as it is
  /// exposed: activations one way, gradients the other, for each of its virtual stages.
  Seconds stage_transfers() const {
    if (plan_.pipeline == 1) return {};
    const bool across = tensor_ * sharers_.count >= machine_.links.per_node;
    const BytesPerSecond rate = across ? machine_.links.device_rate() : machine_.links.scale_up;
    const Seconds once = stage_message(work_) / rate + fit_.network_latency;
    return fit_.exposed_transfers * 2 * plan_.virtual_stages * once;
  }

  StageTime slowest_stage() const {
    StageTime slowest{};
    visit_stages([&](std::uint32_t number) {
      const StageTime other = stage(number);
      if (other.total() > slowest.total()) slowest = other;
    });
    return slowest;
  }
  StageEnd slowest_end() const {
    StageEnd slowest{};
    visit_stages([&](std::uint32_t number) {
      const StageEnd other = end(number);
      if (other.total() > slowest.total()) slowest = other;
    });
    return slowest;
  }

  /// 1F1B (Narayanan et al. 2021): a micro-batch passes all stages once, of which one turn of the
  /// slowest is counted already. Interleaving shortens that if there are micro-batches enough to
  /// fill the pipeline: what passes a stage finds it idle otherwise.
  Seconds bubble(const StageTime& slowest) const {
    if (plan_.pipeline == 1) return {};
    const double v = plan_.virtual_stages;
    const Seconds once =
        work_.shape.layers * layer_.total() + embedding_ + head_ + (stages_ - 1) * transfers_ / v;
    const Seconds fill = fill_of(once, slowest.total(), plan_.virtual_stages);
    const double more = micro_batches(plan_) - 1;
    return std::max(fill, once - more * (1 - 1 / v) * slowest.total()) - slowest.total();
  }

  /// All-reduce of gradients, or reduce-scatter and all-gather, which take as long. Where a node's
  /// devices share network cards and only some of a ring's members are on it, the rings are in each
  /// other's way.
  Seconds data_exchange(double layers, double common, double routed) const {
    const Links& links = machine_.links;
    const Group& group = data_group_;
    const bool crowded = links.shared_rails && group.per_node > 1 &&
                         group.per_node < links.per_node && group.ranks > group.per_node;
    const double share = crowded ? links.shared_rails_share : 1;
    const Seconds all = all_reduce(Bytes{exchanged_bytes(work_) * common}, group, links, share) +
                        exchange_of_experts(routed);
    return exposed_in_step(all, layers);
  }
  /// Gradients are exchanged while earlier layers go backward for the last time.
  Seconds exposed_in_step(Seconds exchange, double layers) const {
    if (!work_.software.overlaps_data) return exchange;
    const Seconds hidden = fit_.hiding * layers * layer_.total();
    return std::max(0.1 * exchange, exchange - hidden);
  }

  Seconds exchange_of_experts(double routed) const {
    if (!work_.shape.is_mixture()) return {};
    return all_reduce(Bytes{exchanged_bytes(work_) * routed}, group_of(expert_sharers_),
                      machine_.links);
  }

  bool zero_shot() const {
    return !machine_.measured || work_.shape.is_mixture() || plan_.precision == Precision::fp4;
  }

  /// From the errors of sources that were left out of the fit: within exp(0.2) lie 92 % of them,
  /// but only 75 % of torchtitan's, which alone has pipelines of shards and of fp8. Software that
  /// nobody has looked at is no better known. An accelerator without rows has numbers of
  /// others: with such, fitted on the other family, exp(0.35) holds nine of ten of the worst
  /// source. Of experts and 4 bits no fitted run tells; what is added for them is a judgement.
  /// Where four or more devices share a sequence, attention is nearly all: the one source that was
  /// fitted is predicted up to 11 % too fast, another one was up to 39 % too slow at first. That
  /// unlike devices share one nobody has published.
  double spread() const {
    const bool without_runs = work_.shape.is_mixture() || plan_.precision == Precision::fp4;
    if (!machine_.measured) return dmath::exp(without_runs ? 0.6 : 0.45);
    if (without_runs || plan_.context >= 4 || plan_.share) return dmath::exp(0.45);
    const bool seldom = cuts_gradients(plan_.sharding) || plan_.precision == Precision::fp8;
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
  Seconds embedding_;
  Seconds head_;
  double tensor_;
  Sharers sharers_;  ///< of gradients
  Sharers cut_;      ///< of these, the ones that states are cut among
  Sharers expert_sharers_;
  Sharers experts_cut_;
  Group data_group_;
  Group cut_group_;
  double stages_;
  DeviceParameters parameters_;
  ShardingExchange sharding_;  ///< of a layer
  Seconds transfers_;          ///< of a micro-batch, of a stage between two others
};

}  // namespace

/// The loss reads and writes each logit 20 bytes' worth; gathered and one by one 90.
MicroBatchTime micro_batch_time(const Workload& workload, const Calibration& calibration) {
  const Machine machine = machine_of(workload.accelerator, workload.network, calibration);
  const double tokens = micro_batch_tokens(workload.plan);
  const double hidden = workload.shape.hidden;
  const double vocabulary = workload.shape.vocabulary;
  const double mine = most_of(vocabulary, workload.plan.tensor);
  const Bytes loss{tokens * (workload.software.gathers_logits ? 90 * vocabulary : 20 * mine)};
  const Seconds head = product_time({tokens, mine, hidden}, machine) +
                       product_time({tokens, hidden, mine}, machine) +
                       product_time({hidden, mine, tokens}, machine) + loss / machine.memory;
  return {machine, layer_time(workload, machine, calibration.shared),
          Bytes{12 * tokens * hidden} / machine.memory, head};
}

double straggling(double nodes, double per_doubling) {
  static const double doubling = dmath::log(2);
  return per_doubling * dmath::log(std::max(nodes, 1.0)) / doubling;
}

Result<StepTime> step_time(const Workload& workload, const Calibration& calibration) {
  AXS_TRY(check(workload.shape, workload.plan));
  return Step{workload, calibration.shared, micro_batch_time(workload, calibration)}.time();
}

std::vector<StageTime> stage_times(const Workload& workload, const SharedFit& fit,
                                   const MicroBatchTime& known) {
  const Step step{workload, fit, known};
  std::vector<StageTime> times;
  for (std::uint32_t stage = 0; stage < workload.plan.pipeline; ++stage)
    times.push_back(step.stage(stage));
  return times;
}

StepTime stage_step(const Workload& workload, std::uint32_t stage, const SharedFit& fit,
                    const MicroBatchTime& known) {
  const Step step{workload, fit, known};
  return step.busy(step.stage(stage), step.end(stage));
}

std::vector<Seconds> stage_ends(const Workload& workload, std::uint32_t layers, double embeddings,
                                const SharedFit& fit, const MicroBatchTime& known) {
  const Step step{workload, fit, known};
  std::vector<Seconds> ends;
  ends.reserve(layers + 1);
  for (std::uint32_t count = 0; count <= layers; ++count)
    ends.push_back(step.end(count, embeddings).total());
  return ends;
}

}  // namespace axs::plan
