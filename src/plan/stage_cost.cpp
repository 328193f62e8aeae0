#include "axs/plan/stage_cost.h"

#include <algorithm>
#include <cmath>

#include "axs/plan/layer_time.h"

namespace axs::plan {

namespace {

constexpr std::uint32_t many_layers = 10'000;

Bytes tensors(const MemoryUse& use) {
  return use.state + use.gathered + use.activations + use.logits + use.workspace;
}

}  // namespace

StagePlace place_of(std::size_t stage, std::size_t stages) {
  return {.first = stage == 0,
          .last = stage + 1 == stages,
          .in_flight = static_cast<double>(stages - stage)};
}

Result<StageCost> StageCost::of(const Job& job, const Method& method, const DeviceType& type,
                                std::uint32_t tensor, ReplicaRange replicas,
                                const Calibration& calibration) {
  if (type.accelerator.per_node % tensor != 0 || job.shape.heads % tensor != 0)
    return Error{Errc::invalid, "tensor width: it divides neither nodes nor heads evenly"};
  Workload work{.shape = job.shape,
                .plan = {.tensor = tensor,
                         .data = replicas.most,
                         .sequence_parallel = tensor > 1,
                         .sharding = method.sharding,
                         .recompute = method.recompute,
                         .precision = std::min(job.precision, type.accelerator.fastest),
                         .micro_batch = method.micro_batch,
                         .global_batch = method.micro_batch * replicas.most,
                         .sequence = job.sequence,
                         .stage_layers = {}},
                .accelerator = type.accelerator,
                .network = type.network,
                .software = job.software};
  work.software.memory_figure = MemoryFigure::device;
  // A stage may have any of the layers: it is priced as if all were of the larger kind.
  work.shape.experts.dense_layers = 0;
  AXS_TRY(check(work.shape, work.plan));
  return StageCost{std::move(work), replicas, calibration};
}

StageCost::StageCost(Workload work, ReplicaRange replicas, const Calibration& calibration)
    : work_{std::move(work)},
      replicas_{replicas},
      calibration_{&calibration},
      layers_{work_.shape.layers},
      nodes_{static_cast<double>(work_.plan.tensor) / work_.accelerator.per_node},
      tails_(layers_ + 1, Seconds{-1}) {
  measure_time();
  measure_memory();
}

/// One stage with so many layers.
Workload StageCost::with(std::uint32_t layers, std::uint32_t replicas) const {
  Workload work = work_;
  work.shape.layers = layers;
  work.plan.data = replicas;
  work.plan.global_batch = replicas * work.plan.micro_batch;
  return work;
}

/// Of two stages, the one with nearly all layers has the embedding, the other the head.
void StageCost::measure_time() {
  const Machine machine = machine_of(work_.accelerator, work_.network, *calibration_);
  layer_ = layer_time(work_, machine, calibration_->shared).total();
  const StepTime alone = *step_time(with(1, replicas_.least), *calibration_);
  Workload two = with(many_layers + 1, replicas_.least);
  two.plan.pipeline = 2;
  two.plan.stage_layers = {many_layers, 1};
  const StepTime first = *step_time(two, *calibration_);
  embedding_ = first.embedding_and_head;
  head_ = std::max(alone.embedding_and_head - embedding_, Seconds{});
  transfers_ = 2 * first.stage_transfers;
  fixed_ = alone.fixed;
  spread_ = alone.spread;
}

void StageCost::measure_memory() {
  const auto use = [&](std::uint32_t layers) {
    return *memory_use(with(layers, replicas_.most), calibration_->memory);
  };
  const MemoryUse one = use(1);
  const MemoryUse two = use(2);
  state_of_layer_ = two.state - one.state;
  state_of_embedding_ = (one.state - state_of_layer_) / (work_.shape.tied ? 1 : 2);
  kept_ = one.activations;
  logits_ = one.logits;
  workspace_ = one.workspace;
  counted_ = (two.total - one.total) / (tensors(two) - tensors(one));
  runtime_ = one.total - counted_ * tensors(one);
}

Seconds StageCost::ends(StagePlace place) const {
  return (place.first ? embedding_ : Seconds{}) + (place.last ? head_ : Seconds{});
}

Seconds StageCost::transfers(StagePlace place) const {
  if (place.alone()) return {};
  return transfers_ * (place.first || place.last ? 0.5 : 1);
}

Seconds StageCost::time(double layers, StagePlace place) const {
  return layers * layer_ + ends(place) + transfers(place);
}

StepTime StageCost::parts(std::uint32_t layers, StagePlace place) const {
  StepTime step = *step_time(workload(layers), *calibration_);
  step.embedding_and_head = ends(place);
  step.stage_transfers = transfers(place);
  step.stragglers = step.fixed = {};
  step.total = time(layers, place) + step.data_exchange + step.optimizer;
  return step;
}

MemoryUse StageCost::memory_parts(double layers, StagePlace place) const {
  const double both = work_.shape.tied ? 1 : 2;
  const double embeddings = place.alone() ? both : (place.first || place.last ? 1 : 0);
  MemoryUse use{.state = layers * state_of_layer_ + embeddings * state_of_embedding_,
                .activations = layers * place.in_flight * kept_,
                .logits = place.last ? logits_ : Bytes{},
                .workspace = workspace_};
  use.total = counted_ * tensors(use) + runtime_;
  use.overhead = use.total - tensors(use);
  return use;
}

Bytes StageCost::memory(double layers, StagePlace place) const {
  return memory_parts(layers, place).total;
}

std::uint32_t StageCost::most_layers(StagePlace place) const {
  const Bytes none = memory(0, place);
  const Bytes each = memory(1, place) - none;
  const double fit = (work_.accelerator.memory - none) / each;
  return fit < 1 ? 0 : static_cast<std::uint32_t>(std::min<double>(fit, layers_));
}

Bytes StageCost::missing(std::uint32_t stages) const {
  const double layers = std::ceil(static_cast<double>(layers_) / stages);
  const Bytes first = memory(layers, place_of(0, stages));
  const Bytes last = memory(layers, place_of(stages - 1, stages));
  return std::max(first, last) - work_.accelerator.memory;
}

Seconds StageCost::tail(std::uint32_t layers) {
  if (!replicas_.is_one()) return {};
  Seconds& known = tails_[layers];
  if (known < Seconds{}) {
    const StepTime step = *step_time(with(layers, replicas_.least), *calibration_);
    known = step.data_exchange + step.optimizer;
  }
  return known;
}

}  // namespace axs::plan
