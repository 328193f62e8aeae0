#include "axs/plan/pipeline_bound.h"

#include <algorithm>
#include <vector>

#include "axs/plan/interleaving.h"
#include "axs/plan/rounding.h"

namespace axs::plan {

namespace {

std::uint32_t stages_of(std::span<const StageRun> runs) {
  std::uint32_t stages = 0;
  for (const StageRun& run : runs) stages += run.stages;
  return stages;
}

/// What all stages of a run together take without layers.
Seconds empty_run(std::span<const StageRun> runs, std::size_t number) {
  const StageRun& run = runs[number];
  const bool first = number == 0, last = number + 1 == runs.size();
  Seconds empty = 2 * (run.stages - 1) * run.cost->transfers_with(*run.cost);
  if (!first) empty += run.cost->transfers_with(*runs[number - 1].cost);
  if (!last) empty += run.cost->transfers_with(*runs[number + 1].cost);
  if (first && last && run.stages == 1) return empty + run.cost->time({}).none;
  if (first) empty += run.cost->time({.last = false}).none;
  if (last) empty += run.cost->time({.first = false}).none;
  return empty;
}

/// Stages that are all alike. Inner ones exchange with two others: unless both ends take all that
/// is left over, an inner one has `fullest` layers, or another has more.
Seconds alike_bottleneck(const StageRun& run, std::uint32_t layers, std::uint32_t fullest) {
  const StageCost& cost = *run.cost;
  const Line<Seconds> alone = cost.time({}), inner = cost.time({.first = false, .last = false});
  if (run.stages == 1) return alone.at(layers);
  const Seconds transfers = cost.transfers_with(cost);
  const std::uint32_t without = 2 * fullest + (run.stages - 2) * (fullest - 1);
  return transfers + inner.at(fullest) +
         (layers > without ? std::min(transfers, inner.layer) : Seconds{});
}

/// At either end of several stages, with a layer.
Seconds end_bottleneck(std::span<const StageRun> runs) {
  return std::max(runs.front().cost->time({.last = false}).at(1),
                  runs.back().cost->time({.first = false}).at(1));
}

Seconds least_tail(std::span<const StageRun> runs, std::uint32_t fullest) {
  const StageRun& front = runs.front();
  if (runs.size() == 1)
    return front.stages == 1 ? front.cost->tail(fullest, {}) : front.cost->least_tail(fullest);
  Seconds most{};
  for (const StageRun& run : runs) most = std::max(most, run.cost->least_tail(1));
  return most;
}

/// The least room of a stage. Of stages that are alike the earliest holds most micro-batches, but
/// for the first and the last one of the pipeline, which have more than layers.
std::uint32_t least_room(std::span<const StageRun> runs, std::uint32_t stages,
                         double micro_batches) {
  const auto room = [&](const StageRun& run, std::uint32_t stage) {
    return run.cost->most_layers(place_of(stage, stages, micro_batches));
  };
  std::uint32_t least = std::min(room(runs.front(), 0), room(runs.back(), stages - 1));
  std::uint32_t stage = 0;
  for (const StageRun& run : runs) {
    const std::uint32_t inner = std::max(stage, 1u);
    stage += run.stages;
    if (inner < stage) least = std::min(least, room(run, inner));
  }
  return least;
}

/// Of interleaved stages the first and the last have as many layers, all others as many.
struct ChunkedLayers {
  std::uint32_t ends, inner;

  ChunkedLayers(const StageRun& run, std::uint32_t layers)
      : ends{layers_in_chunks(layers, run.stages, run.virtual_stages, 0)},
        inner{run.stages == 2 ? ends
                              : layers_in_chunks(layers, run.stages, run.virtual_stages, 1)} {}
};

/// There is one cut, so that this is what it has, but for the tail. An inner stage exchanges with
/// two others.
PipelineBound interleaved_bound(const StageRun& run, std::uint32_t layers) {
  const StageCost& cost = *run.cost;
  const auto [ends, each] = ChunkedLayers{run, layers};
  const Seconds begin = cost.time({.last = false}).at(ends);
  const Seconds end = cost.time({.first = false}).at(ends);
  const Seconds inner = cost.time({.first = false, .last = false}).at(each);
  const Seconds transfers = cost.transfers_with(cost);
  const Seconds once = begin + end + (run.stages - 2) * inner + 2 * (run.stages - 1) * transfers;
  Seconds slowest = std::max(begin, end) + run.virtual_stages * transfers;
  if (run.stages > 2) slowest = std::max(slowest, inner + 2 * run.virtual_stages * transfers);
  const Seconds fill = fill_of(once, slowest, run.virtual_stages) + cost.least_tail(ends);
  return {(1 - rounding) * fill, (1 - rounding) * slowest};
}

/// Of inner stages the first holds most micro-batches.
std::optional<std::uint32_t> fullest_interleaved(const StageRun& run, std::uint32_t layers,
                                                 double micro_batches) {
  const auto [ends, inner] = ChunkedLayers{run, layers};
  const auto room = [&](std::uint32_t stage) {
    return run.cost->most_layers(place_of(stage, run.stages, micro_batches, run.virtual_stages));
  };
  if (room(0) < ends || room(run.stages - 1) < ends) return std::nullopt;
  if (run.stages > 2 && room(1) < inner) return std::nullopt;
  return inner;
}

}  // namespace

PipelineBound pipeline_bound(std::span<const StageRun> runs, std::uint32_t layers,
                             std::uint32_t fullest) {
  if (runs.front().virtual_stages > 1) return interleaved_bound(runs.front(), layers);
  const std::uint32_t stages = stages_of(runs);
  double layers_per_second = 0, ahead = layers;
  PipelineBound bound;
  Seconds quickest{1e15};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Seconds empty = empty_run(runs, i);
    const Seconds layer = runs[i].cost->time(place_of(0, stages)).layer;
    layers_per_second += runs[i].stages / layer.value();
    ahead += empty / layer;
    bound.fill += empty + runs[i].stages * layer;
    bound.bottleneck = std::max(bound.bottleneck, layer);
    quickest = std::min(quickest, layer);
  }
  bound.fill += (double{1} * layers - stages) * quickest + least_tail(runs, fullest);
  bound.bottleneck = std::max(bound.bottleneck, Seconds{ahead / layers_per_second});
  if (stages > 1) bound.bottleneck = std::max(bound.bottleneck, end_bottleneck(runs));
  bound.bottleneck =
      std::max(bound.bottleneck,
               runs.size() == 1 ? alike_bottleneck(runs[0], layers, fullest) : fullest * quickest);
  return {(1 - rounding) * bound.fill, (1 - rounding) * bound.bottleneck};
}

std::optional<std::uint32_t> fullest_stage(std::span<const StageRun> runs, std::uint32_t layers,
                                           double micro_batches) {
  const std::uint32_t stages = stages_of(runs);
  if (stages > layers) return std::nullopt;
  if (runs.front().virtual_stages > 1)
    return fullest_interleaved(runs.front(), layers, micro_batches);
  const std::uint32_t least = least_room(runs, stages, micro_batches);
  if (least == 0) return std::nullopt;
  if (least >= mean_layers(layers, stages)) return mean_layers(layers, stages);
  std::vector<std::uint32_t> room;
  room.reserve(stages);
  for (const StageRun& run : runs)
    for (std::uint32_t i = 0; i < run.stages; ++i)
      room.push_back(run.cost->most_layers(place_of(room.size(), stages, micro_batches)));
  std::ranges::sort(room);
  std::uint32_t left = layers;
  for (std::uint32_t i = 0; i < stages; ++i) {
    const std::uint32_t mean = mean_layers(left, stages - i);
    if (room[i] >= mean) return mean;
    left -= room[i];
  }
  return std::nullopt;
}

}  // namespace axs::plan
