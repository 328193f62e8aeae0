#include "axs/plan/breakdown.h"

#include <algorithm>
#include <set>

#include "axs/plan/interleaving.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/spanning_pipelines.h"
#include "axs/plan/stage_cost.h"
#include "axs/plan/step_energy.h"
#include "axs/plan/traffic.h"

namespace axs::plan {

namespace {

constexpr auto all_parts = [] {
  std::array<StepPart, enum_count<StepPart>> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = static_cast<StepPart>(i);
  return parts;
}();

PartCost& at(PartCosts& parts, StepPart part) {
  return parts[static_cast<std::size_t>(part)];
}

/// Which part of a step on equal devices draws as much power.
Seconds StepTime::* drawn_as(StepPart part) {
  using enum StepPart;
  switch (part) {
    case products:
      return &StepTime::products;
    case attention:
      return &StepTime::attention;
    case pointwise:
      return &StepTime::pointwise;
    case recompute:
      return &StepTime::recompute;
    case embedding_and_head:
      return &StepTime::embedding_and_head;
    case host:
      return &StepTime::host;
    case tensor_exchange:
      return &StepTime::tensor_exchange;
    case expert_exchange:
      return &StepTime::expert_exchange;
    case sharding_exchange:
      return &StepTime::sharding_exchange;
    case stage_transfers:
    case link_transfers:
      return &StepTime::stage_transfers;
    case data_exchange:
    case site_exchange:
      return &StepTime::data_exchange;
    case optimizer:
      return &StepTime::optimizer;
    case stragglers:
      return &StepTime::stragglers;
    case bubble:
    case slower_stages:
    case slower_replicas:
      return &StepTime::bubble;
    case fixed:
      return &StepTime::fixed;
  }
  AXS_ASSERT(false);
}

/// What stage_step() says of a stage.
bool is_of_stage(StepPart part) {
  return !is_waiting(part) && part != StepPart::link_transfers && part != StepPart::site_exchange &&
         part != StepPart::fixed;
}

/// The stages of a replica, one after the other.
struct Pipeline {
  std::vector<StageCost> costs;          ///< of each kind of stage
  std::vector<const StageCost*> stages;  ///< which of these each is
  std::vector<StepTime> busy;            ///< all micro-batches on each
  std::vector<Seconds> turns, tails;     ///< one micro-batch on each; what each does once
  std::vector<LinkTransfers> links;
  double nodes = 0;
  Seconds fill{}, bottleneck{}, tail{};
  std::size_t slowest = 0;
};

class Breaker {
 public:
  Breaker(const Job& job, const Fleet& fleet, const TrainingPlan& plan,
          const Calibration& calibration)
      : job_{job}, fleet_{fleet}, plan_{plan}, calibration_{calibration} {}

  Result<PlanBreakdown> all() {
    for (const ReplicaGroup& group : plan_.groups)
      for (const PlannedStage& stage : group.stages) AXS_TRY(add_split(stage));
    PlanBreakdown broken;
    for (const ReplicaGroup& group : plan_.groups) {
      GroupBreakdown of_group = AXS_TRY(group_of(group));
      broken.groups.push_back(std::move(of_group));
    }
    const auto last = std::ranges::max_element(broken.groups, {}, &GroupBreakdown::end);
    broken.slowest = static_cast<std::size_t>(last - broken.groups.begin());
    add_up(broken);
    broken.splits = std::move(splits_);
    return broken;
  }

 private:
  /// Sums go up a tree of sites and down it: all links of it carry them both ways. Replicas that
  /// span sites have the same stages at each.
  Bytes sent_between_sites() const {
    std::set<std::uint32_t> sites;
    for (const ReplicaGroup& group : plan_.groups) sites.insert(group.site);
    const OuterSync sync = plan_.outer.value_or(OuterSync{});
    const Bytes of_a_step = Bytes{parameters(job_.shape) * sync.bits / 8} / sync.period;
    return (static_cast<double>(sites.size()) - 1) * 2 * of_a_step;
  }

  void add_up(PlanBreakdown& broken) const {
    double devices = 0;
    for (const GroupBreakdown& group : broken.groups)
      for (const StageBreakdown& stage : group.stages) {
        devices += stage.devices;
        for (const StepPart part : all_parts) {
          PartCost& sum = at(broken.all, part);
          sum.time += stage.devices * stage[part].time;
          sum.energy += stage[part].energy;
          sum.sent += stage[part].sent;
        }
      }
    for (PartCost& part : broken.all) {
      part.time = part.time / devices;
      broken.energy += part.energy;
    }
    at(broken.all, StepPart::site_exchange).sent = sent_between_sites();
  }

  /// Stages that are alike share a cost: so it is known that they are.
  Result<> add_stages(const ReplicaGroup& group, Pipeline& pipeline) const {
    const auto& stages = group.stages;
    const std::uint32_t replicas = sharing_at(plan_, group.site);
    pipeline.costs.reserve(stages.size());
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const auto alike = std::ranges::find_if(
          stages, [&](const PlannedStage& stage) { return have_same_devices(stage, stages[i]); });
      const auto first = static_cast<std::size_t>(alike - stages.begin());
      if (first == i) {
        StageCost cost = AXS_TRY(cost_of(stages[i], {replicas, replicas}));
        pipeline.costs.push_back(std::move(cost));
      }
      pipeline.stages.push_back(first == i ? &pipeline.costs.back() : pipeline.stages[first]);
    }
    return Ok{};
  }

  const StageSplit* find_split(const PlannedStage& stage) const {
    const auto known = std::ranges::find_if(splits_, [&](const StageSplit& split) {
      return split.tensor == stage.tensor && have_same_parts(split.parts, stage.parts);
    });
    return known == splits_.end() ? nullptr : &*known;
  }
  Result<> add_split(const PlannedStage& stage) {
    if (stage.parts.empty() || find_split(stage) != nullptr) return Ok{};
    const SequenceSplitter splitter{job_, fleet_.types, calibration_};
    SplitAttention attention = AXS_TRY(splitter.attention(stage.tensor, stage.parts));
    splits_.push_back({stage.tensor, stage.parts, std::move(attention)});
    return Ok{};
  }
  Result<StageCost> cost_of(const PlannedStage& stage, ReplicaRange replicas) const {
    const StageSplit* const split = find_split(stage);
    if (split == nullptr)
      return StageCost::of(job_, plan_.method, fleet_.types[stage.type], stage.tensor, replicas,
                           calibration_);
    return StageCost::of(job_, plan_.method, fleet_.types,
                         split_of(split->tensor, split->parts, split->attention), replicas,
                         calibration_);
  }

  Result<Pipeline> pipeline_of(const ReplicaGroup& group) const {
    Pipeline pipeline;
    AXS_TRY(add_stages(group, pipeline));
    pipeline.links = AXS_TRY(links_of(fleet_, group, activations_of(*pipeline.stages.front()),
                                      sharing_at(plan_, group.site)));
    for (std::size_t i = 0; i < group.stages.size(); ++i) {
      const std::uint32_t layers = group.stages[i].layers;
      const StageCost& cost = *pipeline.stages[i];
      const StagePlace place = place_of(i, group.stages.size());
      const Seconds once = transfers_of(pipeline.stages, i, pipeline.links);
      const Seconds transfers = group.virtual_stages * once;
      const Seconds computing = cost.time(place).at(layers);
      const Seconds time = computing + transfers;
      StepTime busy = cost.step(layers, place, group.micro_batches);
      busy.stage_transfers = group.micro_batches * transfers;
      pipeline.busy.push_back(busy);
      pipeline.turns.push_back(time);
      pipeline.tails.push_back(cost.tail(layers, place));
      pipeline.nodes += cost.nodes();
      pipeline.fill += computing + once;
      if (time > pipeline.bottleneck) pipeline.slowest = i;
      pipeline.bottleneck = std::max(pipeline.bottleneck, time);
      pipeline.tail = std::max(pipeline.tail, pipeline.tails.back());
    }
    pipeline.fill = fill_of(pipeline.fill, pipeline.bottleneck, group.virtual_stages);
    return pipeline;
  }

  Result<GroupBreakdown> group_of(const ReplicaGroup& group) const {
    const Pipeline pipeline = AXS_TRY(pipeline_of(group));
    GroupBreakdown broken;
    broken.slowest = pipeline.slowest;
    const std::uint32_t round =
        round_of(static_cast<std::uint32_t>(group.stages.size()), group.virtual_stages);
    const auto turns = static_cast<double>(in_rounds(group.micro_batches, round));
    broken.pipeline = pipeline.fill + (turns - 1) * pipeline.bottleneck;
    const Seconds busy = broken.pipeline + pipeline.tail;
    const Seconds stragglers =
        straggling(pipeline.nodes * sharing_at(plan_, group.site), calibration_.shared.stragglers) *
        busy;
    broken.end = busy + stragglers;
    for (std::size_t i = 0; i < group.stages.size(); ++i) {
      StageBreakdown stage = stage_of(group, pipeline, i);
      const Seconds own = group.micro_batches * stage.micro_batch;
      at(stage.parts, StepPart::bubble).time = std::max(broken.pipeline - own, Seconds{});
      at(stage.parts, StepPart::slower_stages).time = pipeline.tail - pipeline.tails[i];
      at(stage.parts, StepPart::stragglers).time = stragglers;
      at(stage.parts, StepPart::slower_replicas).time =
          std::max(plan_.step.replicas - broken.end, Seconds{});
      at(stage.parts, StepPart::site_exchange).time = plan_.step.sites;
      at(stage.parts, StepPart::fixed).time = plan_.step.fixed;
      AXS_TRY(add_energy(*pipeline.stages[i], group, i, stage));
      broken.stages.push_back(std::move(stage));
    }
    return broken;
  }

  /// What it does by itself.
  StageBreakdown stage_of(const ReplicaGroup& group, const Pipeline& pipeline,
                          std::size_t number) const {
    const std::uint32_t layers = group.stages[number].layers;
    const StageCost& cost = *pipeline.stages[number];
    const StepTime& busy = pipeline.busy[number];
    const StagePlace place =
        place_of(number, group.stages.size(), group.micro_batches, group.virtual_stages);
    StageBreakdown stage;
    for (const StepPart part : all_parts)
      if (is_of_stage(part)) at(stage.parts, part).time = busy.*drawn_as(part);
    stage.layer = cost.layer();
    stage.micro_batch = pipeline.turns[number];
    stage.tail = pipeline.tails[number];
    stage.recomputed = busy.recompute / group.micro_batches;
    stage.memory = cost.memory_parts(layers, place);
    stage.devices = static_cast<double>(group.replicas) * cost.devices();
    for (const StageCost& part : cost.parts())
      add_traffic(part.workload(layers), group, place, group.replicas * part.devices(), stage);
    divide_transfers(group, pipeline, number, stage);
    return stage;
  }

  /// Those over links are told apart. A stage sends as much to each of those beside it.
  static void divide_transfers(const ReplicaGroup& group, const Pipeline& pipeline,
                               std::size_t number, StageBreakdown& stage) {
    PartCost& near = at(stage.parts, StepPart::stage_transfers);
    PartCost& far = at(stage.parts, StepPart::link_transfers);
    const bool is_inner = number > 0 && number + 1 < group.stages.size();
    const Bytes sent = (is_inner ? 0.5 : 1) * near.sent;
    Seconds each{};
    for (const LinkTransfers& link : pipeline.links) {
      if (link.stage != number && link.stage != number + 1) continue;
      each += link.each;
      far.sent += sent;
    }
    far.time = group.micro_batches * each;
    near.time -= far.time;
    near.sent -= far.sent;
  }

  /// By so many devices. A forward pass that is computed again exchanges again.
  void add_traffic(const Workload& work, const ReplicaGroup& group, StagePlace place,
                   double devices, StageBreakdown& stage) const {
    const ParallelPlan& plan = work.plan;
    const double turns = devices * group.micro_batches;
    const double again = plan.recompute != Recompute::full ? 0
                         : work.software.stops_early       ? 0.5
                                                           : 1;
    const TensorMessages tensor = tensor_messages(work.shape, plan);
    at(stage.parts, StepPart::tensor_exchange).sent +=
        turns * work.shape.layers * (2 + again) * tensor.of_a_pass *
        sent_for_all_reduce(tensor.size, plan.tensor);
    at(stage.parts, StepPart::attention).sent +=
        turns * work.shape.layers * (3 + again) * sent_for_attention(work.shape, plan);
    // Each chunk sends both ways, but for the first one of the model and the last.
    const double messages =
        2.0 * group.virtual_stages - (place.first ? 1 : 0) - (place.last ? 1 : 0);
    at(stage.parts, StepPart::stage_transfers).sent += turns * messages * stage_message(work);
    add_sent_once(work, place, devices, stage);
    add_sent_shards(work, group, devices, stage);
  }

  void add_sent_once(const Workload& work, StagePlace place, double devices,
                     StageBreakdown& stage) const {
    if (is_of_one_stage(plan_.method)) return;
    const ParallelPlan& plan = work.plan;
    const double ends = (place.first ? 1 : 0) + (place.last ? 1 : 0);
    const double embeddings = place.alone() ? embeddings_of_stage(work.shape, plan, 0) : ends;
    const auto [common, routed] =
        stage_parameters(device_parameters(work.shape, plan), work.shape.layers, embeddings);
    const double bytes = exchanged_bytes(work);
    at(stage.parts, StepPart::data_exchange).sent +=
        devices * (sent_for_all_reduce(Bytes{bytes * common}, replicas(plan)) +
                   sent_for_all_reduce(Bytes{bytes * routed}, expert_replicas(plan)));
  }

  /// Weights in two bytes: each is gathered or reduced, half of an all-reduce.
  void add_sent_shards(const Workload& work, const ReplicaGroup& group, double devices,
                       StageBreakdown& stage) const {
    if (!is_of_one_stage(plan_.method)) return;
    const double gradient = reduced_bytes(work.software);
    const bool weights = plan_.method.sharding == Sharding::parameters;
    const double bytes =
        weights ? group.micro_batches * (2 * 2 + gradient) : group.micro_batches * gradient + 2;
    const double layers = work.shape.layers * parameters_here(work.shape, work.plan).total();
    at(stage.parts, StepPart::sharding_exchange).sent +=
        devices * sent_for_all_reduce(Bytes{0.5 * bytes * layers}, replicas(work.plan));
  }

  /// Energy is a sum over the parts of a step, so that each may be asked for alone.
  Result<> add_energy(const StageCost& cost, const ReplicaGroup& group, std::size_t number,
                      StageBreakdown& stage) const {
    const SiteSupply& supply = fleet_.sites[group.site_of(number)].supply;
    for (const StageCost& devices : cost.parts()) {
      Workload work = devices.workload(group.stages[number].layers);
      work.plan.context = devices.devices() / devices.tensor();
      work.plan.data = group.replicas;
      for (const StepPart part : all_parts) {
        PartCost& sum = at(stage.parts, part);
        if (sum.time == Seconds{}) continue;
        StepTime alone;
        alone.*drawn_as(part) = alone.total = sum.time;
        sum.energy += AXS_TRY(step_energy(work, alone, supply.pue)).whole;
      }
    }
    return Ok{};
  }

  const Job& job_;
  const Fleet& fleet_;
  const TrainingPlan& plan_;
  const Calibration& calibration_;
  std::vector<StageSplit> splits_{};
};

}  // namespace

bool is_exposed_exchange(StepPart part) {
  using enum StepPart;
  return part == tensor_exchange || part == expert_exchange || part == sharding_exchange ||
         part == stage_transfers || part == link_transfers || part == data_exchange ||
         part == site_exchange;
}

bool is_waiting(StepPart part) {
  using enum StepPart;
  return part == bubble || part == slower_stages || part == stragglers || part == slower_replicas;
}

Result<PlanBreakdown> breakdown(const Job& job, const Fleet& fleet, const TrainingPlan& plan,
                                const Calibration& calibration) {
  return Breaker{job, fleet, plan, calibration}.all();
}

}  // namespace axs::plan
