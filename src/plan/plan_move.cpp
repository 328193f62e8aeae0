#include "axs/plan/plan_move.h"

#include <algorithm>
#include <map>
#include <optional>

#include "axs/core/assert.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/replica_kind.h"

namespace axs::plan {

namespace {

/// What a stage holds.
struct StageState {
  std::uint32_t type, tensor;
  std::uint32_t first, layers;   ///< the first layer, and how many
  std::uint32_t chunks, stages;  ///< of several chunks of so many stages `first` is the first one
  bool is_last;

  auto operator<=>(const StageState&) const = default;
};
/// Tensor groups that have such a stage.
using StageCounts = std::map<StageState, std::uint32_t>;

StageCounts stages_at(const std::vector<ReplicaGroup>& groups, std::uint32_t site,
                      std::uint32_t context) {
  StageCounts counts;
  for (const ReplicaGroup& group : groups) {
    const std::uint32_t chunks = group.virtual_stages;
    const auto stages = static_cast<std::uint32_t>(group.stages.size());
    std::uint32_t first = 0;
    for (std::uint32_t i = 0; i < stages; ++i) {
      const PlannedStage& stage = group.stages[i];
      if (group.site_of(i) == site)
        for (const StagePart& part : parts_of(stage, context))
          counts[{part.type, stage.tensor, first, stage.layers, chunks, chunks > 1 ? stages : 0,
                  i + 1 == stages}] += group.replicas * part.groups;
      first += chunks > 1 ? 1 : stage.layers;
    }
  }
  return counts;
}

bool is_cut_alike(const TrainingPlan& next, const HeldState& held, std::uint32_t site) {
  const Method& a = next.method;
  const Method& b = held.method;
  const bool same =
      a.sharding == b.sharding && a.whole_experts == b.whole_experts && a.context == b.context;
  return same &&
         (a.sharding == Sharding::none || sharing_at(next, site) == held.sites[site].sharing);
}

/// The state that devices of a site need and do not have.
class SiteMove {
 public:
  SiteMove(const KindBuilder& builder, const Fleet& fleet, std::vector<std::uint32_t> lost)
      : builder_{builder}, fleet_{fleet}, lost_{std::move(lost)}, fresh_(fleet.types.size()) {}

  void add(const StageState& state, std::uint32_t groups, std::uint32_t of_these_held) {
    const std::uint32_t type = state.type;
    const StageCost& cost = builder_.cost({type, state.tensor, state.layers, {}});
    const Bytes each = cost.memory_parts(state.layers, {state.first == 0, state.is_last, 1}).state;
    const std::uint64_t held = std::uint64_t{of_these_held} * state.tensor;
    const auto replaced = static_cast<std::uint32_t>(std::min<std::uint64_t>(lost_[type], held));
    lost_[type] -= replaced;
    const std::uint64_t fresh = std::uint64_t{groups - of_these_held} * state.tensor + replaced;
    if (fresh == 0) return;
    bytes_ += static_cast<double>(fresh) * each;
    fresh_[type].devices += fresh;
    fresh_[type].each = std::max(fresh_[type].each, each);
  }

  Bytes bytes() const { return bytes_; }
  /// Which stages share a node is not known: all of them get as much as the one that gets most.
  Seconds time() const {
    Seconds longest{};
    for (std::size_t type = 0; type < fresh_.size(); ++type) {
      const DeviceType& device = fleet_.types[type];
      const auto of_node =
          std::min<std::uint64_t>(fresh_[type].devices, device.accelerator.per_node);
      const Bytes most = static_cast<double>(of_node) * fresh_[type].each;
      longest = std::max(longest, most / device.network.node_rate);
    }
    return longest;
  }

 private:
  /// Devices that get their state.
  struct Fresh {
    std::uint64_t devices = 0;
    Bytes each{};  ///< at most
  };

  const KindBuilder& builder_;
  const Fleet& fleet_;
  std::vector<std::uint32_t> lost_;  ///< of each type, that others have not taken the place of yet
  std::vector<Fresh> fresh_;         ///< of each type
  Bytes bytes_{};
};

/// Between sites, in a spell.
struct Way {
  BytesPerSecond rate{};
  Seconds round_trip{};
};

/// The widest ways from any of `from` to all sites; no rate: there is none.
std::vector<Way> widest_ways(const Fleet& fleet, const std::vector<bool>& from,
                             std::uint32_t spell) {
  std::vector<Way> ways(fleet.sites.size());
  for (std::size_t site = 0; site < ways.size(); ++site)
    if (from[site]) ways[site].rate = BytesPerSecond{1e30};
  const auto widen = [&](std::uint32_t a, std::uint32_t b, const SiteLink& link) {
    const BytesPerSecond rate = std::min(ways[a].rate, link.rate);
    if (rate > ways[b].rate) ways[b] = {rate, ways[a].round_trip + link.round_trip};
  };
  for (std::size_t hop = 1; hop < ways.size(); ++hop)
    for (const SiteLink& link : fleet.links) {
      if (link.spell != spell) continue;
      widen(link.from, link.to, link);
      widen(link.to, link.from, link);
    }
  return ways;
}

/// Until `size` bytes are at the site, waiting for a way included. Nothing: there is never one.
std::optional<Seconds> copy_time(const Fleet& fleet, const std::vector<bool>& from,
                                 std::uint32_t site, Bytes size) {
  Seconds waited{};
  for (std::uint32_t spell = 0; spell < std::max<std::size_t>(fleet.spells.size(), 1); ++spell) {
    const Way way = widest_ways(fleet, from, spell)[site];
    if (way.rate.value() > 0) return waited + size / way.rate + way.round_trip;
    if (spell < fleet.spells.size()) waited += fleet.spells[spell];
  }
  return std::nullopt;
}

}  // namespace

PlanMove move_to(const TrainingPlan& next, const HeldState& held, const Job& job,
                 const Fleet& fleet, const Calibration& calibration, Seconds leave) {
  std::map<std::uint32_t, KindBuilder> builders;  // By how many replicas share.
  AXS_ASSERT(held.sites.size() == fleet.sites.size());
  std::vector<bool> has_state;
  for (std::uint32_t site = 0; site < fleet.sites.size(); ++site)
    has_state.push_back(!held.sites[site].lacks_state && replicas_at(held.pipelines, site) > 0);
  const Bytes model{parameters(job.shape) * job.software.state_bytes};
  PlanMove move;
  Seconds longest{};
  for (std::uint32_t site = 0; site < fleet.sites.size(); ++site) {
    const StageCounts wanted = stages_at(next.groups, site, next.method.context);
    if (wanted.empty()) continue;
    Seconds time{};
    if (!has_state[site]) {
      const auto copied = copy_time(fleet, has_state, site, model);
      move.from_checkpoint = move.from_checkpoint || !copied;
      if (copied) move.between += model;
      time = copied.value_or(Seconds{});
    }
    StageCounts there;
    if (has_state[site] && is_cut_alike(next, held, site))
      there = stages_at(held.pipelines, site, held.method.context);
    const std::uint32_t sharing = sharing_at(next, site);
    const auto builder =
        builders.try_emplace(sharing, job, fleet.types, next.method, ReplicaRange{sharing, sharing},
                             std::vector<SiteDevices>{}, calibration);
    SiteMove here{builder.first->second, fleet, held.sites[site].lost};
    for (const auto& [state, count] : wanted) here.add(state, count, std::min(count, there[state]));
    move.inside += here.bytes();
    longest = std::max(longest, time + here.time());
  }
  move.pause = (move.from_checkpoint ? whole_restart : leave) + longest;
  return move;
}

}  // namespace axs::plan
