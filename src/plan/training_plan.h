#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "axs/core/units.h"
#include "axs/plan/outer_sync.h"
#include "axs/plan/parallel_plan.h"

namespace axs::plan {

/// How all replicas of a plan train: what they must agree on.
struct Method {
  std::uint32_t micro_batch = 1;  ///< sequences
  Recompute recompute = Recompute::none;
  /// gradients and parameters: of replicas of one stage. A pipeline would have to keep them whole
  /// over the step, so that they would save nothing over `optimizer`.
  Sharding sharding = Sharding::none;
  /// Each device of a stage has whole experts, dealt out over its tensor devices; else a part of
  /// all.
  bool whole_experts = false;
  std::uint32_t context = 1;  ///< parts of a sequence, on devices of their own

  bool operator==(const Method&) const = default;
};
/// Whether its replicas have one stage only.
inline bool is_of_one_stage(const Method& method) {
  return cuts_gradients(method.sharding);
}

/// Numbers of replicas, both ends included. What is said of a range is not worse than what is true
/// of each number in it.
struct ReplicaRange {
  std::uint32_t least = 1;
  std::uint32_t most = 1;

  bool is_one() const { return least == most; }
  bool operator==(const ReplicaRange&) const = default;
};

/// Tensor groups of one type among those that share the sequences of a stage.
struct StagePart {
  std::uint32_t type = 0;  ///< which of the fleet's
  std::uint32_t groups = 1;
  std::uint32_t tokens = 0;  ///< of each sequence, that each group holds
  Bytes memory{};            ///< that each device uses at its worst moment

  auto operator<=>(const StagePart&) const = default;
};

/// `tensor` devices of a node that hold `layers` layers, as often as the method has parts of a
/// sequence.
struct PlannedStage {
  std::uint32_t type = 0;  ///< which of the fleet's
  std::uint32_t tensor = 1;
  std::uint32_t layers = 1;
  Bytes memory{};  ///< that each device uses at its worst moment
  /// Where unlike groups share each sequence, all of them, and `type` and `memory` are those of the
  /// first; see sequence_split.h. Empty: all are alike.
  std::vector<StagePart> parts{};

  auto operator<=>(const PlannedStage&) const = default;
};
inline bool have_same_parts(const std::vector<StagePart>& a, const std::vector<StagePart>& b) {
  return std::ranges::equal(a, b, [](const StagePart& one, const StagePart& other) {
    return one.type == other.type && one.groups == other.groups && one.tokens == other.tokens;
  });
}
/// Whether both are on as many devices of the same types, cut alike.
inline bool have_same_devices(const PlannedStage& a, const PlannedStage& b) {
  return a.type == b.type && a.tensor == b.tensor && have_same_parts(a.parts, b.parts);
}

/// Where a pipeline goes on at another site.
struct Crossing {
  std::uint32_t stage = 0;  ///< the first one there
  std::uint32_t site = 0;

  bool operator==(const Crossing&) const = default;
};

/// Replicas that are alike: pipelines with the same stages and work, at the same sites.
struct ReplicaGroup {
  std::uint32_t site = 0;  ///< of the first stages
  std::uint32_t replicas = 1;
  std::uint32_t micro_batches = 1;  ///< of each replica in a step
  std::vector<PlannedStage> stages;
  std::vector<Crossing> crossings{};  ///< in order; none: the pipelines stay at their site
  /// Chunks of the layers of each stage, all alike: see interleaving.h.
  std::uint32_t virtual_stages = 1;

  std::uint32_t site_of(std::size_t stage) const {
    std::uint32_t at = site;
    for (const Crossing& crossing : crossings)
      if (crossing.stage <= stage) at = crossing.site;
    return at;
  }

  bool operator==(const ReplicaGroup&) const = default;
};

/// Where the time of a step goes, for the replica that all others wait for.
struct PlannedTime {
  Seconds replicas{};  ///< the slowest one: pipeline, exchange at its site, optimiser, stragglers
  Seconds sites{};     ///< exchange between sites, as far as it is waited for
  Seconds fixed{};
  Seconds total{};
  double spread = 1;  ///< as in StepTime, the widest of the types in use

  bool operator==(const PlannedTime&) const = default;
};

/// What the whole job takes beside time. Devices that are not in use cost and draw nothing.
struct PlanCost {
  std::optional<Dollars> money{};  ///< empty where a device in use has no price
  Joules energy{};                 ///< at the meters of the sites
  std::optional<double> carbon{};  ///< kg of CO2; empty where a site in use has not said
  Watts power{};                   ///< if all machines in use are at their limit, with cooling
  /// The true values lie between / spread and × spread: money that goes with time alone is known as
  /// well as time.
  double money_spread = 1;
  double energy_spread = 1;  ///< of carbon, too

  bool operator==(const PlanCost&) const = default;
};

/// All that is needed to run a step. Stages with the same layers of all replicas exchange
/// gradients.
struct TrainingPlan {
  Method method;
  /// How sites exchange; nothing: one site, or in every step.
  std::optional<OuterSync> outer;
  double loss_gap = 0;  ///< that has been published for it
  std::vector<ReplicaGroup> groups;
  PlannedTime step;
  std::vector<std::uint32_t> idle;  ///< devices of each type of the fleet that are left over
  double tokens_per_second = 0;
  Seconds duration{};  ///< of the whole job
  PlanCost cost{};

  bool operator==(const TrainingPlan&) const = default;
};

}  // namespace axs::plan
