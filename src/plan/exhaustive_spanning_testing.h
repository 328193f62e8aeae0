#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "axs/plan/spanning_pipelines.h"
#include "axs/plan/stage_cost.h"

namespace axs::plan {

/// All pipelines across sites that replicas may have which are alike, stage by stage: a type and a
/// width at each of two or three sites, the same width at three.
class ExhaustiveSpanning {
 public:
  struct Stage {
    std::uint32_t site;
    std::uint32_t type;
    const StageCost* cost;
    std::uint32_t layers;
  };
  /// `costs`: by type and width.
  ExhaustiveSpanning(const Fleet& fleet, const std::vector<std::vector<StageCost>>& costs,
                     std::uint32_t replicas)
      : fleet_{fleet},
        costs_{costs},
        replicas_{replicas},
        there_(fleet.sites.size()),
        used_(fleet.sites.size()) {
    for (std::size_t site = 0; site < there_.size(); ++site) {
      there_[site].resize(fleet.types.size());
      for (const Pool& pool : fleet.sites[site].pools) there_[site][pool.type] += pool.devices;
    }
  }

  /// Calls `take` with the stages of each, and with what each waits for at its links.
  template <class Take>
  void for_all(std::uint32_t layers, const Take& take) {
    if (layers == 0) return finish(take);
    for (std::uint32_t site = 0; site < there_.size(); ++site)
      for (std::uint32_t type = 0; type < fleet_.types.size(); ++type)
        for (const StageCost& cost : costs_[type]) {
          const std::uint32_t needed = replicas_ * cost.devices();
          const std::uint32_t node = fleet_.types[type].accelerator.per_node;
          if (!may_follow(site, &cost)) continue;
          if (used_[site] + needed > room(there_[site][type], node, cost.tensor())) continue;
          used_[site] += needed;
          for (std::uint32_t mine = 1; mine <= layers; ++mine) {
            stages_.push_back({site, type, &cost, mine});
            for_all(layers - mine, take);
            stages_.pop_back();
          }
          used_[site] -= needed;
        }
  }

 private:
  /// Devices of a pool in groups of one width, each within a node.
  static std::uint32_t room(std::uint32_t devices, std::uint32_t node, std::uint32_t width) {
    return (devices / node * (node / width) + devices % node / width) * width;
  }

  bool may_follow(std::uint32_t site, const StageCost* cost) const {
    if (stages_.empty()) return true;
    if (stages_.back().site == site) return stages_.back().cost == cost;
    return std::ranges::find(stages_, site, &Stage::site) == stages_.end();
  }

  template <class Take>
  void finish(const Take& take) const {
    std::vector<Seconds> waits(stages_.size());
    std::size_t crossings = 0;
    bool same_width = true;
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      same_width = same_width && stages_[i].cost->devices() == stages_[0].cost->devices();
      if (i == 0) continue;
      if (stages_[i].site != stages_[i - 1].site) {
        const auto way = link_waits(fleet_, stages_[i - 1].site, stages_[i].site,
                                    activations_of(*stages_[i].cost), replicas_);
        if (!way) return;
        ++crossings;
        waits[i - 1] += *way;
        waits[i] += *way;
      } else {
        waits[i - 1] += stages_[i].cost->transfers_with(*stages_[i - 1].cost);
        waits[i] += stages_[i].cost->transfers_with(*stages_[i - 1].cost);
      }
    }
    if (crossings == 1 || (crossings == 2 && same_width)) take(stages_, waits);
  }

  const Fleet& fleet_;
  const std::vector<std::vector<StageCost>>& costs_;
  std::uint32_t replicas_;
  std::vector<std::vector<std::uint32_t>> there_;  ///< devices, by site and type
  std::vector<std::uint32_t> used_;                ///< by site, where all are of one type
  std::vector<Stage> stages_;
};

}  // namespace axs::plan
