#pragma once

#include <map>

#include "axs/core/dmath.h"
#include "axs/plan/search_result.h"
#include "axs/plan/step_energy.h"

namespace axs::plan {

/// The search for what a step takes least of as plain as it can be, for fleets of a handful of
/// devices at one site: all methods, numbers of replicas, pipelines, cuts and shares of the work.
/// It shares only StageCost and the draw of a device with the search.
class FrugalExhaustive {
 public:
  FrugalExhaustive(const Job& job, const Fleet& fleet, const Calibration& calibration)
      : job_{job}, fleet_{fleet}, calibration_{calibration} {}

  /// Of a step of the best plan: dollars or joules; a huge one if there is none.
  double score() {
    SiteDevices devices(fleet_.types.size());
    std::uint32_t all = 0;
    for (const Pool& pool : fleet_.sites[0].pools) {
      devices[pool.type] += pool.devices;
      all += pool.devices;
    }
    for (std::uint32_t micro = 1; job_.global_batch % micro == 0; micro *= 2)
      for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full})
        for (const Sharding sharding :
             {Sharding::none, Sharding::optimizer, Sharding::gradients, Sharding::parameters})
          for (std::uint32_t n = 1; n <= std::min(all, job_.global_batch / micro); ++n)
            try_all({micro, recompute, sharding}, n, devices);
    return best_;
  }

 private:
  struct Pipeline {
    SiteDevices used;
    Seconds fill{}, bottleneck{};
    double second = 0, micro_batch = 0, step = 0;

    Seconds end(std::uint32_t m) const { return fill + (m - 1.0) * bottleneck; }
  };
  struct Stage {
    std::uint32_t type;
    StageCost* cost;
    std::uint32_t layers;
  };

  void try_all(const Method& method, std::uint32_t replicas, const SiteDevices& devices) {
    replicas_ = replicas;
    micro_batches_ = job_.global_batch / method.micro_batch;
    pipelines_.clear();
    costs_.assign(fleet_.types.size(), {});
    for (std::size_t type = 0; type < fleet_.types.size(); ++type)
      for (std::uint32_t t = 1; t <= fleet_.types[type].accelerator.per_node; t *= 2) {
        costs_[type].push_back(*StageCost::of(job_, method, fleet_.types[type], t,
                                              {replicas, replicas}, calibration_));
        fixed_ = costs_[type].back().fixed();
      }
    std::vector<Stage> stages;
    SiteDevices used(devices.size());
    one_stage_ = is_of_one_stage(method);
    cut(devices, job_.shape.layers, stages, used);
    for (const Pipeline& pipeline : pipelines_)
      for (std::uint32_t m = 1; m <= micro_batches_; ++m) try_time(pipeline.end(m), devices);
  }

  void cut(const SiteDevices& left, std::uint32_t layers, std::vector<Stage>& stages,
           SiteDevices& used) {
    if (layers == 0) return take(stages, used);
    for (std::uint32_t type = 0; type < left.size(); ++type)
      for (std::uint32_t width = 0; width < costs_[type].size(); ++width) {
        const std::uint32_t tensor = 1u << width;
        if (used[type] + tensor > left[type]) continue;
        used[type] += tensor;
        for (std::uint32_t mine = one_stage_ ? layers : 1; mine <= layers; ++mine) {
          stages.push_back({type, &costs_[type][width], mine});
          cut(left, layers - mine, stages, used);
          stages.pop_back();
        }
        used[type] -= tensor;
      }
  }

  void take(const std::vector<Stage>& stages, const SiteDevices& used) {
    Pipeline pipeline{.used = used};
    std::vector<const StageCost*> costs;
    for (const Stage& stage : stages) costs.push_back(stage.cost);
    Seconds most{}, tail{};
    double nodes = 0;
    const SiteSupply& supply = fleet_.sites[0].supply;
    const bool money = job_.objective == Objective::money;
    const double joule = supply.pue * (money ? supply.price.value() : 1);
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const Stage& stage = stages[i];
      const StagePlace place = place_of(i, stages.size(), micro_batches_);
      if (stage.cost->memory(place).at(stage.layers) > fleet_.types[stage.type].accelerator.memory)
        return;
      const Seconds transfers = transfers_of(costs, i);
      const Seconds time = stage.cost->time(place).at(stage.layers) + transfers;
      pipeline.fill += time;
      most = std::max(most, time);
      tail = std::max(tail, stage.cost->tail(stage.layers, place));
      nodes += stage.cost->nodes();
      const double devices = 1u << (stage.cost - costs_[stage.type].data());
      const DeviceDraw draw = draw_of(fleet_.types[stage.type].accelerator);
      const Seconds all = active(stage, place, transfers, 1);
      const Seconds once = active(stage, place, transfers, 2) - all;
      if (money) pipeline.second += devices * fleet_.types[stage.type].price->value();
      pipeline.second += joule * devices * draw.waiting.value();
      pipeline.micro_batch += joule * devices * (draw.active * once).value();
      pipeline.step += joule * devices * (draw.active * (all - once)).value();
    }
    const double stretch = 1 + straggling(nodes * replicas_, calibration_.shared.stragglers);
    pipeline.fill = stretch * (pipeline.fill + tail);
    pipeline.bottleneck = stretch * most;
    pipelines_.push_back(pipeline);
  }

  Seconds active(const Stage& stage, StagePlace place, Seconds transfers,
                 std::uint32_t micro_batches) const {
    StepTime parts = stage.cost->parts(stage.layers, place, micro_batches);
    parts.stage_transfers = micro_batches * transfers;
    return active_time(parts);
  }

  /// All replicas end within `slowest`.
  void try_time(Seconds slowest, const SiteDevices& devices) {
    known_.clear();
    best_ = std::min(best_, rest(slowest, replicas_, devices, micro_batches_));
  }

  double rest(Seconds slowest, std::uint32_t replicas, const SiteDevices& devices,
              std::uint32_t micro_batches) {
    if (replicas == 0) return micro_batches == 0 ? 0 : 1e30;
    const auto key = std::pair{devices, std::pair{replicas, micro_batches}};
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    double best = 1e30;
    for (const Pipeline& pipeline : pipelines_) {
      SiteDevices left = devices;
      bool enough = true;
      for (std::size_t type = 0; type < left.size(); ++type) {
        enough = enough && pipeline.used[type] <= left[type];
        left[type] -= pipeline.used[type];
      }
      for (std::uint32_t m = 1; enough && m <= micro_batches && pipeline.end(m) <= slowest; ++m) {
        const double mine =
            pipeline.second * (slowest + fixed_).value() + pipeline.micro_batch * m + pipeline.step;
        if (mine < best)
          best = std::min(best, mine + rest(slowest, replicas - 1, left, micro_batches - m));
      }
    }
    return known_[key] = best;
  }

  const Job& job_;
  const Fleet& fleet_;
  const Calibration& calibration_;
  double best_ = 1e30;
  Seconds fixed_{};
  std::uint32_t replicas_ = 1;
  std::uint32_t micro_batches_ = 1;
  bool one_stage_ = false;
  std::vector<std::vector<StageCost>> costs_;
  std::vector<Pipeline> pipelines_;
  std::map<std::pair<SiteDevices, std::pair<std::uint32_t, std::uint32_t>>, double> known_;
};

}  // namespace axs::plan
