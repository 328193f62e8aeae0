#pragma once

#include <algorithm>
#include <vector>

#include "axs/plan/search_result.h"

namespace axs::plan {

/// What the plain searches that tests compare with have in common: all methods and numbers of
/// replicas, and all pipelines that a handful of devices can form.
class ExhaustivePipelines {
 protected:
  struct Stage {
    std::uint32_t type;
    StageCost* cost;
    std::uint32_t layers;
  };

  ExhaustivePipelines(const Job& job, const Fleet& fleet, const Calibration& calibration)
      : job_{job}, fleet_{fleet}, calibration_{calibration} {}

  /// Calls `attempt` for each, with the costs of its stages.
  template <class Attempt>
  void for_all_methods(std::uint32_t devices, const Attempt& attempt) {
    for (std::uint32_t micro = 1; job_.global_batch % micro == 0; micro *= 2)
      for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full})
        for (const Sharding sharding :
             {Sharding::none, Sharding::optimizer, Sharding::gradients, Sharding::parameters})
          for (std::uint32_t n = 1; n <= std::min(devices, job_.global_batch / micro); ++n) {
            price({micro, recompute, sharding}, n);
            attempt();
          }
  }

  /// Calls `take` with the stages of each pipeline of these devices, and with what it uses.
  template <class Take>
  void for_all_pipelines(const SiteDevices& devices, const Take& take) {
    std::vector<Stage> stages;
    SiteDevices used(devices.size());
    cut(devices, job_.shape.layers, stages, used, take);
  }

  const Job& job_;
  const Fleet& fleet_;
  const Calibration& calibration_;
  Seconds fixed_{};
  std::uint32_t replicas_ = 1;
  std::uint32_t micro_batches_ = 1;
  std::vector<std::vector<StageCost>> costs_;  ///< by type and power of two of the width

 private:
  void price(const Method& method, std::uint32_t replicas) {
    replicas_ = replicas;
    micro_batches_ = job_.global_batch / method.micro_batch;
    one_stage_ = is_of_one_stage(method);
    costs_.assign(fleet_.types.size(), {});
    for (std::size_t type = 0; type < fleet_.types.size(); ++type)
      for (std::uint32_t t = 1; t <= fleet_.types[type].accelerator.per_node; t *= 2) {
        costs_[type].push_back(*StageCost::of(job_, method, fleet_.types[type], t,
                                              {replicas, replicas}, calibration_));
        fixed_ = costs_[type].back().fixed();
      }
  }

  template <class Take>
  void cut(const SiteDevices& left, std::uint32_t layers, std::vector<Stage>& stages,
           SiteDevices& used, const Take& take) {
    if (layers == 0) return take(stages, used);
    for (std::uint32_t type = 0; type < left.size(); ++type)
      for (std::uint32_t width = 0; width < costs_[type].size(); ++width) {
        const std::uint32_t tensor = 1u << width;
        if (used[type] + tensor > left[type]) continue;
        used[type] += tensor;
        for (std::uint32_t mine = one_stage_ ? layers : 1; mine <= layers; ++mine) {
          stages.push_back({type, &costs_[type][width], mine});
          cut(left, layers - mine, stages, used, take);
          stages.pop_back();
        }
        used[type] -= tensor;
      }
  }

  bool one_stage_ = false;
};

}  // namespace axs::plan
