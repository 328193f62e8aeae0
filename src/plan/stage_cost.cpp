#include "axs/plan/stage_cost.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "axs/plan/stage_workload.h"

namespace axs::plan {

StagePlace place_of(std::size_t stage, std::size_t stages, double micro_batches,
                    std::uint32_t virtual_stages) {
  return {
      .first = stage == 0,
      .last = stage + 1 == stages,
      .in_flight = in_flight(static_cast<std::uint32_t>(stage), static_cast<std::uint32_t>(stages),
                             virtual_stages, micro_batches)};
}

Result<StageCost> StageCost::of(const Job& job, const Method& method, const DeviceType& type,
                                std::uint32_t tensor, ReplicaRange replicas,
                                const Calibration& calibration) {
  Model model =
      AXS_TRY(model_of(stage_workload(job, method, type, tensor, replicas.most), calibration));
  return StageCost{std::make_shared<Model>(std::move(model)), replicas};
}

/// All wait for each other in each part of a layer, but do what they do once by themselves.
Result<StageCost> StageCost::of(const Job& job, const Method& method,
                                const std::vector<DeviceType>& types, const SequenceSplit& split,
                                ReplicaRange replicas, const Calibration& calibration) {
  std::vector<Model> models;
  MicroBatchTime slowest{};
  for (const SplitPart& part : split.parts) {
    Workload work = stage_workload(job, method, types[part.type], split.tensor, replicas.most);
    work.plan.share = part.share;
    Model model = AXS_TRY(model_of(std::move(work), calibration));
    model.groups = part.groups;
    slowest.layer = slowest_of(slowest.layer, model.micro_batch.layer);
    slowest.embedding = std::max(slowest.embedding, model.micro_batch.embedding);
    slowest.head = std::max(slowest.head, model.micro_batch.head);
    models.push_back(std::move(model));
  }
  std::vector<StageCost> parts;
  for (Model& model : models) {
    slowest.machine = model.micro_batch.machine;
    model.micro_batch = slowest;
    parts.push_back(StageCost{std::make_shared<Model>(std::move(model)), replicas});
  }
  return together(std::move(parts));
}

Result<StageCost::Model> StageCost::model_of(Workload work, const Calibration& calibration) {
  if (work.plan.tensor > work.accelerator.per_node)
    return Error{Errc::invalid, "tensor width: more devices than a node has"};
  AXS_TRY(check(work.shape, work.plan));
  Workload layer = work;
  layer.shape.layers = 1;
  const StepTime step = AXS_TRY(step_time(layer, calibration));
  const MicroBatchTime micro_batch = micro_batch_time(work, calibration);
  const std::uint32_t groups = work.plan.context;
  return Model{std::move(work), calibration.shared, calibration.memory,
               micro_batch,     step.fixed,         step.spread,
               groups};
}

/// Of parts that share sequences: none is done before the slowest.
StageCost StageCost::together(std::vector<StageCost> parts) {
  StageCost all = parts.front();
  const auto raise = [](auto& most, const auto& other) {
    std::ranges::transform(most, other, most.begin(),
                           [](Seconds a, Seconds b) { return std::max(a, b); });
  };
  for (const StageCost& part : parts) {
    for (std::size_t kind = 0; kind < all.times_.size(); ++kind) {
      Line<Seconds>& time = all.times_[kind];
      time = {std::max(time.none, part.times_[kind].none),
              std::max(time.layer, part.times_[kind].layer)};
      raise(all.tails_[kind], part.tails_[kind]);
    }
    raise(all.least_tails_, part.least_tails_);
    all.transfers_to_alike_ = std::max(all.transfers_to_alike_, part.transfers_to_alike_);
    all.transfers_over_network_ =
        std::max(all.transfers_over_network_, part.transfers_over_network_);
  }
  all.parts_ = std::move(parts);
  return all;
}

StageCost StageCost::with_replicas(ReplicaRange replicas) const {
  if (parts_.empty()) return {model_, replicas};
  std::vector<StageCost> parts;
  for (const StageCost& part : parts_) parts.push_back(part.with_replicas(replicas));
  return together(std::move(parts));
}

std::span<const StageCost> StageCost::parts() const {
  if (parts_.empty()) return {this, 1};
  return parts_;
}

std::uint32_t StageCost::devices() const {
  std::uint32_t devices = 0;
  for (const StageCost& part : parts()) devices += part.tensor() * part.model_->groups;
  return devices;
}

double StageCost::spread() const {
  double spread = 1;
  for (const StageCost& part : parts()) spread = std::max(spread, part.model_->spread);
  return spread;
}

double StageCost::nodes() const {
  double nodes = 0;
  for (const StageCost& part : parts())
    nodes += static_cast<double>(part.tensor() * part.model_->groups) /
             part.model_->work.accelerator.per_node;
  return nodes;
}

StageCost::StageCost(std::shared_ptr<const Model> model, ReplicaRange replicas)
    : model_{std::move(model)}, replicas_{replicas}, layers_{model_->work.shape.layers} {
  measure_time();
  measure_tails();
  measure_memory();
}

StageCost::Kind StageCost::kind_of(StagePlace place) {
  if (place.alone()) return alone;
  return place.first ? first : place.last ? last : inner;
}

std::uint32_t StageCost::number_of(StagePlace place) {
  return place.first ? 0 : place.last ? 2 : 1;
}

/// A plan with these stages, a micro-batch for each of the replicas.
Workload StageCost::with(std::vector<std::uint32_t> stage_layers, std::uint32_t replicas) const {
  Workload work = model_->work;
  work.shape.layers = std::accumulate(stage_layers.begin(), stage_layers.end(), 0u);
  work.plan.pipeline = static_cast<std::uint32_t>(stage_layers.size());
  work.plan.stage_layers = std::move(stage_layers);
  work.plan.data = replicas;
  work.plan.global_batch = replicas * work.plan.micro_batch;
  return work;
}

std::vector<StageTime> StageCost::times_of(const Workload& work) const {
  return stage_times(work, model_->shared, model_->micro_batch);
}

/// By layers.
std::vector<Seconds> StageCost::ends_of(const Workload& work, double embeddings) const {
  return stage_ends(work, layers_, embeddings, model_->shared, model_->micro_batch);
}

/// An inner stage has nothing but its layer, and what it exchanges with two others.
void StageCost::measure_time() {
  const Workload whole = with({1}, replicas_.least);
  const std::vector<StageTime> stages = times_of(with({1, 1, 1}, replicas_.least));
  const Seconds layer = stages[1].computing;
  for (const Kind kind : {first, inner, last}) times_[kind] = {stages[kind - first].ends, layer};
  const Seconds ends = stages[0].ends + stages[2].ends;
  times_[alone] = {ends, times_of(whole).front().computing - ends};
  transfers_to_alike_ = 0.5 * stages[1].transfers;
  const std::uint32_t fills_a_node = std::max(replicas_.least, model_->work.accelerator.per_node);
  transfers_over_network_ = 0.5 * times_of(with({1, 1, 1}, fills_a_node))[1].transfers;
}

void StageCost::measure_tails() {
  if (!replicas_.is_one()) return;
  const Workload whole = with({1}, replicas_.least);
  const Workload cut = with({1, 1, 1}, replicas_.least);
  tails_[alone] = ends_of(whole, embeddings_of_stage(whole.shape, whole.plan, 0));
  tails_[first] = tails_[last] = ends_of(cut, 1);
  tails_[inner] = ends_of(cut, 0);
  least_tails_ = tails_[inner];
  for (std::size_t layers = least_tails_.size(); layers-- > 0;) {
    Seconds& least = least_tails_[layers];
    least = std::min({least, tails_[first][layers], tails_[last][layers]});
    if (layers < layers_) least = std::min(least, least_tails_[layers + 1]);
  }
}

void StageCost::measure_memory() {
  const MemoryFit& fit = model_->memory;
  const Workload one = with({1}, replicas_.most);
  const Workload two = with({2}, replicas_.most);
  const MemoryUse use = memory_of_stage(one, 0, fit);
  const Bytes each = memory_of_stage(two, 0, fit).total - use.total;
  memories_[alone] = {use.total - each, each};
  const Workload ones = with({1, 1, 1}, replicas_.most);
  const Workload twos = with({1, 2, 1}, replicas_.most);
  const Bytes inside = memory_of_stage(ones, 1, fit).total;
  const Bytes layer = memory_of_stage(twos, 1, fit).total - inside;
  for (const Kind kind : {first, inner, last})
    memories_[kind] = {
        memory_of_stage(ones, static_cast<std::uint32_t>(kind - first), fit).total - layer, layer};
  // As the figure counts them: what is not counted of a tensor is in proportion.
  Workload more = ones;
  more.plan.global_batch *= 2;
  kept_ = memory_of_stage(more, 1, fit).total - inside;
}

Line<Seconds> StageCost::time(StagePlace place) const {
  return times_[kind_of(place)];
}

Line<Bytes> StageCost::memory(StagePlace place) const {
  Line<Bytes> line = memories_[kind_of(place)];
  line.layer += (place.in_flight - 1) * kept_;
  return line;
}

Workload StageCost::with_place(std::uint32_t layers, StagePlace place,
                               std::uint32_t replicas) const {
  if (place.alone()) return with({layers}, replicas);
  std::vector<std::uint32_t> stages{1, 1, 1};
  stages[number_of(place)] = layers;
  return with(std::move(stages), replicas);
}

StepTime StageCost::step(std::uint32_t layers, StagePlace place,
                         std::uint32_t micro_batches) const {
  StepTime slowest{};
  for (const StageCost& part : parts()) {
    const StepTime step = part.step_of_part(layers, place, micro_batches);
    if (step.total > slowest.total) slowest = step;
  }
  return slowest;
}

StepTime StageCost::step_of_part(std::uint32_t layers, StagePlace place,
                                 std::uint32_t micro_batches) const {
  Workload work = with_place(layers, place, replicas_.least);
  work.plan.global_batch *= micro_batches;
  return stage_step(work, number_of(place), model_->shared, model_->micro_batch);
}

MemoryUse StageCost::memory_parts(std::uint32_t layers, StagePlace place) const {
  if (!parts_.empty()) {
    const auto full = [&](const StageCost& part) {
      return part.memory(place).at(layers) / part.model_->work.accelerator.memory;
    };
    return std::ranges::max_element(parts_, {}, full)->memory_parts(layers, place);
  }
  MemoryUse use =
      memory_of_stage(with_place(layers, place, replicas_.most), number_of(place), model_->memory);
  const Bytes more = memory(place).at(layers) - use.total;
  use.activations = place.in_flight * use.activations;
  use.total += more;
  use.overhead =
      use.total - use.state - use.gathered - use.activations - use.logits - use.workspace;
  return use;
}

std::uint32_t StageCost::most_layers(StagePlace place) const {
  double most = layers_;
  for (const StageCost& part : parts()) {
    const Line<Bytes> use = part.memory(place);
    most = std::min(most, (part.model_->work.accelerator.memory - use.none) / use.layer);
  }
  return most < 1 ? 0 : static_cast<std::uint32_t>(most);
}

Bytes StageCost::missing(std::uint32_t stages, double micro_batches) const {
  const double layers = std::ceil(static_cast<double>(layers_) / stages);
  const Bytes begin = memory(place_of(0, stages, micro_batches)).at(layers);
  const Bytes end = memory(place_of(stages - 1, stages, micro_batches)).at(layers);
  return std::max(begin, end) - model_->work.accelerator.memory;
}

Seconds StageCost::transfers_with(const StageCost& beside) const {
  if (this == &beside) return transfers_to_alike_;
  return std::max(transfers_over_network_, beside.transfers_over_network_);
}

Seconds StageCost::tail(std::uint32_t layers, StagePlace place) const {
  return replicas_.is_one() ? tails_[kind_of(place)][layers] : Seconds{};
}

Seconds StageCost::least_tail(std::uint32_t layers) const {
  return replicas_.is_one() ? least_tails_[layers] : Seconds{};
}

Seconds transfers_of(const std::vector<const StageCost*>& stages, std::size_t stage,
                     const std::vector<LinkTransfers>& links) {
  const auto before = [&](std::size_t later) {
    const auto link = std::ranges::find(links, later, &LinkTransfers::stage);
    if (link != links.end()) return link->each;
    return stages[later]->transfers_with(*stages[later - 1]);
  };
  Seconds sum{};
  if (stage > 0) sum += before(stage);
  if (stage + 1 < stages.size()) sum += before(stage + 1);
  return sum;
}

}  // namespace axs::plan
