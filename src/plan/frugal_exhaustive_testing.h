#pragma once

#include <map>

#include "axs/plan/exhaustive_pipelines_testing.h"
#include "axs/plan/step_energy.h"

namespace axs::plan {

/// The search for what a step takes least of as plain as it can be, for fleets of a handful of
/// devices at one site: all methods, numbers of replicas, pipelines, cuts and shares of the work.
/// It shares only StageCost and the draw of a device with the search.
class FrugalExhaustive : ExhaustivePipelines {
 public:
  FrugalExhaustive(const Job& job, const Fleet& fleet, const Calibration& calibration)
      : ExhaustivePipelines{job, fleet, calibration} {}

  /// Of a step of the best plan: dollars or joules; a huge one if there is none.
  double score() {
    SiteDevices devices(fleet_.types.size());
    std::uint32_t all = 0;
    for (const Pool& pool : fleet_.sites[0].pools) {
      devices[pool.type] += pool.devices;
      all += pool.devices;
    }
    for_all_methods(all, [&] { try_all(devices); });
    return best_;
  }

 private:
  struct Pipeline {
    Groups used;
    Chunked chunked{};
    Seconds tail{};
    double stretch = 1;
    double second = 0, micro_batch = 0, step = 0;

    Seconds end(std::uint32_t m) const { return stretch * (chunked.all(m) + tail); }
  };

  void try_all(const SiteDevices& devices) {
    pipelines_.clear();
    for_all_pipelines(devices, [&](const auto& stages, const auto& used) {
      for_all_chunks(stages, [&](std::uint32_t chunks) { take(stages, used, chunks); });
    });
    for (const Pipeline& pipeline : pipelines_)
      for (std::uint32_t m = 1; m <= micro_batches_; ++m) try_time(pipeline.end(m), devices);
  }

  void take(const std::vector<Stage>& stages, const Groups& used, std::uint32_t chunks) {
    Pipeline pipeline{.used = used, .chunked = {.chunks = chunks}};
    std::vector<const StageCost*> costs;
    for (const Stage& stage : stages) costs.push_back(stage.cost);
    double nodes = 0;
    const SiteSupply& supply = fleet_.sites[0].supply;
    const bool money = job_.objective == Objective::money;
    const double joule = supply.pue * (money ? supply.price.value() : 1);
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const Stage& stage = stages[i];
      const StagePlace place = place_of(i, stages.size(), micro_batches_, chunks);
      if (!has_memory(stage, place)) return;
      const Seconds transfers = transfers_of(costs, i);
      pipeline.chunked.add(stage.cost->time(place).at(stage.layers), transfers);
      pipeline.tail = std::max(pipeline.tail, stage.cost->tail(stage.layers, place));
      nodes += stage.cost->nodes();
      const Seconds all = active(stage, place, chunks * transfers, 1);
      const Seconds once = active(stage, place, chunks * transfers, 2) - all;
      for (const Part& part : parts_of(stage)) {
        const double devices = double{1} * stage.cost->tensor() * part.groups;
        const DeviceDraw draw = draw_of(fleet_.types[part.type].accelerator);
        if (money) pipeline.second += devices * fleet_.types[part.type].price->value();
        pipeline.second += joule * devices * draw.waiting.value();
        pipeline.micro_batch += joule * devices * (draw.active * once).value();
        pipeline.step += joule * devices * (draw.active * (all - once)).value();
      }
    }
    pipeline.stretch = 1 + straggling(nodes * replicas_, calibration_.shared.stragglers);
    pipelines_.push_back(pipeline);
  }

  Seconds active(const Stage& stage, StagePlace place, Seconds transfers,
                 std::uint32_t micro_batches) const {
    StepTime parts = stage.cost->step(stage.layers, place, micro_batches);
    parts.stage_transfers = micro_batches * transfers;
    return active_time(parts);
  }

  /// All replicas end within `slowest`.
  void try_time(Seconds slowest, const SiteDevices& devices) {
    known_.clear();
    best_ = std::min(best_, rest(slowest, replicas_, devices, no_groups(), micro_batches_));
  }

  double rest(Seconds slowest, std::uint32_t replicas, const SiteDevices& devices,
              const Groups& in_use, std::uint32_t micro_batches) {
    if (replicas == 0) return micro_batches == 0 ? 0 : 1e30;
    const auto key = std::pair{in_use, std::pair{replicas, micro_batches}};
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    double best = 1e30;
    for (const Pipeline& pipeline : pipelines_) {
      Groups then = in_use;
      for (std::size_t i = 0; i < then.size(); ++i) then[i] += pipeline.used[i];
      const bool enough = fits(devices, then);
      for (std::uint32_t m = 1; enough && m <= micro_batches && pipeline.end(m) <= slowest; ++m) {
        const double mine =
            pipeline.second * (slowest + fixed_).value() + pipeline.micro_batch * m + pipeline.step;
        if (mine < best)
          best =
              std::min(best, mine + rest(slowest, replicas - 1, devices, then, micro_batches - m));
      }
    }
    return known_[key] = best;
  }

  double best_ = 1e30;
  std::vector<Pipeline> pipelines_;
  std::map<std::pair<Groups, std::pair<std::uint32_t, std::uint32_t>>, double> known_;
};

}  // namespace axs::plan
