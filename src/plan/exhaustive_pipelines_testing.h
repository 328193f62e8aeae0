#pragma once

#include <algorithm>
#include <bit>
#include <map>
#include <utility>
#include <vector>

#include "axs/plan/search_result.h"

namespace axs::plan {

/// What the plain searches that tests compare with have in common: all methods and numbers of
/// replicas, and all pipelines that a handful of devices can form.
class ExhaustivePipelines {
 protected:
  struct Stage {
    std::uint32_t type;  ///< or, counted on from the types, the split
    const StageCost* cost;
    std::uint32_t layers;
  };
  /// Tensor groups of a stage that are of one type.
  struct Part {
    std::uint32_t type;
    std::uint32_t groups;
    const StageCost* cost;
  };
  /// Tensor groups in use at a site: of the first type by width, then of the second ...
  using Groups = std::vector<std::uint32_t>;

  ExhaustivePipelines(const Job& job, const Fleet& fleet, const Calibration& calibration)
      : job_{job}, fleet_{fleet}, calibration_{calibration} {}

  /// Calls `attempt` for each, with the costs of its stages.
  template <class Attempt>
  void for_all_methods(std::uint32_t devices, const Attempt& attempt) {
    for (std::uint32_t micro = 1; job_.global_batch % micro == 0; micro *= 2)
      for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full})
        for (const Sharding sharding :
             {Sharding::none, Sharding::optimizer, Sharding::gradients, Sharding::parameters})
          for (std::uint32_t context = 1; context <= (job_.sequence < 16384 ? 1 : 8); context *= 2)
            for (std::uint32_t n = 1; n <= std::min(devices, job_.global_batch / micro); ++n) {
              price({micro, recompute, sharding, false, context}, n);
              attempt();
            }
  }

  /// Calls `take` with the stages of each pipeline of these devices, and with what it uses.
  template <class Take>
  void for_all_pipelines(const SiteDevices& devices, const Take& take) {
    std::vector<Stage> stages;
    Groups used(no_groups());
    cut(devices, job_.shape.layers, stages, used, take);
  }

  /// Calls `take` with each number of chunks in which the stages may lie: one, or several that are
  /// alike in stages that are, if the step has nothing but whole rounds of micro-batches.
  template <class Take>
  void for_all_chunks(const std::vector<Stage>& stages, const Take& take) const {
    take(1u);
    const Stage& first = stages.front();
    const bool are_alike = std::ranges::all_of(stages, [&](const Stage& stage) {
      return stage.cost == first.cost && stage.layers == first.layers;
    });
    if (first.type >= fleet_.types.size()) return;  // Those of a split are not interleaved.
    if (stages.size() == 1 || !are_alike || micro_batches_ % stages.size() != 0) return;
    for (std::uint32_t chunks = 2; chunks <= 8; ++chunks)
      if (first.layers % chunks == 0) take(chunks);
  }

  /// Of the stages of a pipeline.
  struct Chunked {
    Seconds once{}, slowest{};  ///< a micro-batch, with transfers as of one chunk and of all
    std::uint32_t chunks = 1;
    std::uint32_t stages = 0;

    void add(Seconds computing, Seconds transfers) {
      once += computing + transfers;
      slowest = std::max(slowest, computing + chunks * transfers);
      ++stages;
    }
    /// What so many micro-batches take but for what is done once: the slowest stage all of them,
    /// with the empty places of the last round, and all others one, of which chunks hide their
    /// part.
    Seconds all(std::uint32_t micro_batches) const {
      std::uint32_t turns = micro_batches;
      while (chunks > 1 && turns % stages != 0) ++turns;
      return turns * slowest + (once - slowest) / chunks;
    }
  };

  Groups no_groups() const {
    std::size_t count = 0;
    for (const auto& costs : costs_) count += costs.size();
    return Groups(count);
  }

  /// Whether there are nodes for all groups, each of which lies in one, and those of each type are
  /// of one ladder.
  bool fits(const SiteDevices& devices, const Groups& groups) {
    const auto [known, is_new] = fitting_.try_emplace(std::pair{devices, groups});
    if (!is_new) return known->second;
    std::vector<std::vector<std::uint32_t>> widths(fleet_.types.size());
    std::size_t at = 0;
    for (std::uint32_t type = 0; type < costs_.size(); ++type)
      for (const StageCost& cost : costs_[type]) {
        for (const Part& part : parts_of({type, &cost, 0}))
          widths[part.type].insert(widths[part.type].end(), groups[at] * part.groups,
                                   cost.tensor());
        ++at;
      }
    bool fit = true;
    for (std::size_t type = 0; type < widths.size(); ++type) {
      const std::uint32_t node = fleet_.types[type].accelerator.per_node;
      std::vector<std::uint32_t> nodes(devices[type] / node, node);
      nodes.push_back(devices[type] % node);
      fit = fit && are_of_one_ladder(widths[type], node) && pack(widths[type], nodes);
    }
    return known->second = fit;
  }

  std::vector<Part> parts_of(const Stage& stage) const {
    const std::size_t types = fleet_.types.size();
    if (stage.type < types) return {{stage.type, context_, stage.cost}};
    const SequenceSplit& split = splits_[stage.type - types];
    std::vector<Part> parts;
    for (std::size_t i = 0; i < split.parts.size(); ++i)
      parts.push_back({split.parts[i].type, split.parts[i].groups, &stage.cost->parts()[i]});
    return parts;
  }

  /// With as many micro-batches in flight as the step has.
  bool has_memory(const Stage& stage, StagePlace place) const {
    return std::ranges::all_of(parts_of(stage), [&](const Part& part) {
      return part.cost->memory(place).at(stage.layers) <=
             fleet_.types[part.type].accelerator.memory;
    });
  }

  const Job& job_;
  const Fleet& fleet_;
  const Calibration& calibration_;
  Seconds fixed_{};
  std::uint32_t replicas_ = 1;
  std::uint32_t micro_batches_ = 1;
  std::uint32_t context_ = 1;
  std::vector<SequenceSplit> splits_;          ///< of the method's sequences
  std::vector<std::vector<StageCost>> costs_;  ///< by type and width, then by split
  bool one_stage_ = false;

 private:
  void price(const Method& method, std::uint32_t replicas) {
    replicas_ = replicas;
    micro_batches_ = job_.global_batch / method.micro_batch;
    one_stage_ = is_of_one_stage(method);
    if (context_ != method.context) fitting_.clear();
    context_ = method.context;
    costs_.assign(fleet_.types.size(), {});
    for (std::size_t type = 0; type < fleet_.types.size(); ++type)
      for (std::uint32_t t = 1; t <= fleet_.types[type].accelerator.per_node; ++t) {
        if (!is_width(t, fleet_.types[type].accelerator.per_node)) continue;
        costs_[type].push_back(*StageCost::of(job_, method, fleet_.types[type], t,
                                              {replicas, replicas}, calibration_));
        fixed_ = costs_[type].back().fixed();
      }
    splits_ = splits_into(method.context);
    for (const SequenceSplit& split : splits_)
      costs_.push_back(
          {*StageCost::of(job_, method, fleet_.types, split, {replicas, replicas}, calibration_)});
  }

  /// Of all pairs of types.
  std::vector<SequenceSplit> splits_into(std::uint32_t context) {
    const auto [known, is_new] = splits_known_.try_emplace(context);
    if (!is_new || context == 1) return known->second;
    const SequenceSplitter splitter{job_, fleet_.types, calibration_};
    for (std::uint32_t a = 0; a < fleet_.types.size(); ++a)
      for (std::uint32_t b = a + 1; b < fleet_.types.size(); ++b)
        for (SequenceSplit& split : splitter.all(a, b, context))
          known->second.push_back(std::move(split));
    return known->second;
  }

  /// All stages are of the same split, or none is of any; of a split there are 1, 2, 4 or 8.
  bool may_follow(const std::vector<Stage>& stages, std::uint32_t type) const {
    if (stages.empty()) return true;
    const std::uint32_t first = stages.front().type;
    return first == type || std::max(first, type) < fleet_.types.size();
  }
  bool may_end(const std::vector<Stage>& stages) const {
    return stages.front().type < fleet_.types.size() ||
           (std::has_single_bit(stages.size()) && stages.size() <= 8);
  }

  static bool is_width(std::uint32_t tensor, std::uint32_t node) {
    return node % tensor == 0 || std::has_single_bit(tensor);
  }

  static bool are_of_one_ladder(const std::vector<std::uint32_t>& widths, std::uint32_t node) {
    return std::ranges::any_of(node_widths(node).ladders, [&](const auto& ladder) {
      return std::ranges::all_of(
          widths, [&](std::uint32_t width) { return std::ranges::count(ladder, width) > 0; });
    });
  }

  /// Whether each has a place in some node.
  static bool pack(std::vector<std::uint32_t> widths, std::vector<std::uint32_t> nodes) {
    if (widths.empty()) return true;
    const std::uint32_t width = widths.back();
    widths.pop_back();
    for (std::uint32_t& left : nodes) {
      if (left < width) continue;
      left -= width;
      if (pack(widths, nodes)) return true;
      left += width;
    }
    return false;
  }

  template <class Take>
  void cut(const SiteDevices& left, std::uint32_t layers, std::vector<Stage>& stages, Groups& used,
           const Take& take) {
    if (layers == 0) {
      if (may_end(stages)) take(stages, used);
      return;
    }
    std::size_t at = 0;
    for (std::uint32_t type = 0; type < costs_.size(); ++type)
      for (const StageCost& cost : costs_[type]) {
        std::uint32_t& groups = used[at++];
        if (!may_follow(stages, type)) continue;
        ++groups;
        for (std::uint32_t mine = one_stage_ ? layers : 1; mine <= layers && fits(left, used);
             ++mine) {
          stages.push_back({type, &cost, mine});
          cut(left, layers - mine, stages, used, take);
          stages.pop_back();
        }
        --groups;
      }
  }

  std::map<std::pair<SiteDevices, Groups>, bool> fitting_;  ///< with this context
  std::map<std::uint32_t, std::vector<SequenceSplit>> splits_known_;
};

}  // namespace axs::plan
