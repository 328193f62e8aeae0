#include "axs/plan/replica_kind.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "axs/plan/step_time.h"

namespace axs::plan {

namespace {

/// How much slower than it must be a mixed pipeline's slowest stage may be, if that shortens the
/// way through all of them: with few micro-batches the way counts more.
constexpr std::array slacks{1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 1e9};

/// A bit for each type, that others may share.
std::uint64_t types_of(const ReplicaKind& kind) {
  std::uint64_t types = 0;
  for (const TypeUse& use : kind.uses) types |= std::uint64_t{1} << use.type % 64;
  return types;
}

/// Wide ones have places of narrow steps, too: none of the first means none.
bool takes_no_more_steps(const TypeUse& a, const TypeUse& b) {
  return a.steps.front() == 0 || std::ranges::equal(b.steps, a.steps, std::ranges::greater_equal{});
}

}  // namespace

bool uses_no_more(const ReplicaKind& a, const ReplicaKind& b) {
  std::size_t i = 0;
  for (const TypeUse& use : a.uses) {
    while (i < b.uses.size() && b.uses[i].type < use.type) ++i;
    const bool is_no_more =
        i < b.uses.size() && b.uses[i].type == use.type && b.uses[i].devices >= use.devices &&
        (b.uses[i].ladders & ~use.ladders) == 0 && takes_no_more_steps(use, b.uses[i]);
    if (!is_no_more) return false;
  }
  return true;
}

std::uint32_t ReplicaKind::devices() const {
  std::uint32_t sum = 0;
  for (const TypeUse& use : uses) sum += use.devices;
  return sum;
}

/// Only whole rounds of the other one count: for fewer it takes as long. With these, places of this
/// one's last round are empty, of all but one at most, or none if its round divides the other's.
bool ReplicaKind::is_never_later_than(const ReplicaKind& other) const {
  const double empty = round - std::gcd(round, other.round);
  const double further = other.round - 1.0;
  return bottleneck <= other.bottleneck &&
         fill + (further + empty) * bottleneck <= other.fill + further * other.bottleneck;
}

/// Division may round; end() is what counts.
std::int64_t ReplicaKind::capacity(Seconds limit, std::int64_t wanted) const {
  if (end(1) > limit) return 0;
  if (end(wanted) <= limit) return wanted;
  auto count = static_cast<std::int64_t>(std::floor((limit - fill) / bottleneck)) + 1;
  count -= count % round;
  if (end(count + round) <= limit) count += round;
  if (end(count) > limit) count -= round;
  return count;
}

std::vector<ReplicaKind> undominated(std::vector<ReplicaKind> kinds) {
  std::ranges::sort(kinds, [](const ReplicaKind& a, const ReplicaKind& b) {
    if (a.devices() != b.devices()) return a.devices() < b.devices();
    return std::tie(a.bottleneck, a.fill, a.virtual_stages, a.stages) <
           std::tie(b.bottleneck, b.fill, b.virtual_stages, b.stages);
  });
  struct Kept {
    Seconds fill, bottleneck;  ///< Most need no closer look.
    std::size_t number;
  };
  std::vector<ReplicaKind> kept;
  std::map<std::uint64_t, std::vector<Kept>> by_types;
  for (ReplicaKind& kind : kinds) {
    const auto beats = [&](const Kept& k) {
      return k.bottleneck <= kind.bottleneck && k.fill <= kind.end(1) &&
             kept[k.number].is_never_later_than(kind) && uses_no_more(kept[k.number], kind);
    };
    const std::uint64_t types = types_of(kind);
    const bool is_beaten = std::ranges::any_of(by_types, [&](const auto& alike) {
      return (alike.first & ~types) == 0 && std::ranges::any_of(alike.second, beats);
    });
    if (is_beaten) continue;
    by_types[types].push_back({kind.fill, kind.bottleneck, kept.size()});
    kept.push_back(std::move(kind));
  }
  return kept;
}

KindBuilder::KindBuilder(const Job& job, const std::vector<DeviceType>& types, const Method& method,
                         ReplicaRange replicas, std::vector<SiteDevices> sites,
                         const Calibration& calibration, const std::vector<SequenceSplit>& splits)
    : method_{method},
      layers_{job.shape.layers},
      micro_batches_{job.global_batch / method.micro_batch},
      replicas_only_{job.software.replicas_only},
      replicas_{replicas},
      sites_{std::move(sites)},
      stragglers_{calibration.shared.stragglers},
      costs_(types.size()) {
  for (std::size_t type = 0; type < types.size(); ++type) {
    widths_.push_back(node_widths(types[type].accelerator.per_node));
    for (const std::uint32_t tensor : widths_[type].all()) {
      auto cost = StageCost::of(job, method, types[type], tensor, replicas, calibration);
      if (!cost) continue;
      fixed_ = cost->fixed();
      costs_[type].push_back(*std::move(cost));
    }
  }
  for (const SequenceSplit& split : splits) {
    if (split.context() != method.context) continue;
    auto cost = StageCost::of(job, method, types, split, replicas, calibration);
    if (!cost) continue;
    splits_.push_back(split);
    costs_.push_back({*std::move(cost)});
  }
}

KindBuilder KindBuilder::without_splits() const {
  KindBuilder other = *this;
  other.splits_.clear();
  other.costs_.resize(widths_.size());
  return other;
}

KindBuilder KindBuilder::with(ReplicaRange replicas, std::vector<SiteDevices> sites) const {
  KindBuilder other = *this;
  other.replicas_ = replicas;
  other.sites_ = std::move(sites);
  for (std::vector<StageCost>& costs : other.costs_)
    for (StageCost& cost : costs) cost = cost.with_replicas(replicas);
  return other;
}

std::optional<KindBuilder::Segment> KindBuilder::find(const PlannedStage& stage) const {
  if (!stage.parts.empty()) {
    const auto same = [&](const SequenceSplit& split) {
      return split.tensor == stage.tensor &&
             std::ranges::is_permutation(split.parts, stage.parts,
                                         [](const auto& a, const auto& b) {
                                           return a.type == b.type && a.groups == b.groups;
                                         });
    };
    const auto found = std::ranges::find_if(splits_, same);
    if (found == splits_.end()) return std::nullopt;
    const auto split = static_cast<std::size_t>(found - splits_.begin());
    return Segment{static_cast<std::uint32_t>(widths_.size() + split), 0, 1};
  }
  if (stage.type >= widths_.size()) return std::nullopt;
  const auto& costs = costs_[stage.type];
  const auto found = std::ranges::find(costs, stage.tensor, &StageCost::tensor);
  if (found == costs.end()) return std::nullopt;
  return Segment{stage.type, static_cast<std::uint32_t>(found - costs.begin()), 1};
}

const StageCost& KindBuilder::cost(const PlannedStage& stage) const {
  return cost_in(*find(stage));
}

const SequenceSplit* KindBuilder::split_of(const Segment& segment) const {
  return segment.type < widths_.size() ? nullptr : &splits_[segment.type - widths_.size()];
}

PlannedStage KindBuilder::stage_of(const Segment& segment, std::uint32_t layers) const {
  PlannedStage stage{segment.type, cost_in(segment).tensor(), layers, {}};
  if (const SequenceSplit* const split = split_of(segment)) {
    stage.type = split->parts.front().type;
    for (const SplitPart& part : split->parts)
      stage.parts.push_back(
          {.type = part.type, .groups = part.groups, .tokens = part.share.tokens});
  }
  return stage;
}

std::vector<TypeUse> KindBuilder::uses_of(std::span<const Segment> segments) const {
  std::vector<TypeUse> uses;
  const auto add = [&](std::uint32_t type, const Segment& s, std::uint32_t groups) {
    auto use = std::ranges::find(uses, type, &TypeUse::type);
    if (use == uses.end()) use = uses.insert(use, TypeUse{type});
    use->add(widths_[type], cost_in(s).tensor(), std::uint64_t{s.stages} * groups);
  };
  for (const Segment& s : segments) {
    const SequenceSplit* const split = split_of(s);
    if (split == nullptr)
      add(s.type, s, method_.context);
    else
      for (const SplitPart& part : split->parts) add(part.type, s, part.groups);
  }
  std::ranges::sort(uses, {}, &TypeUse::type);
  return uses;
}

void KindBuilder::fill_memory(ReplicaGroup& group, std::size_t stage) const {
  PlannedStage& planned = group.stages[stage];
  const StagePlace place =
      place_of(stage, group.stages.size(), group.micro_batches, group.virtual_stages);
  const std::span<const StageCost> costs = cost(planned).parts();
  planned.memory = costs.front().memory(place).at(planned.layers);
  for (std::size_t i = 0; i < planned.parts.size(); ++i)
    planned.parts[i].memory = costs[i].memory(place).at(planned.layers);
}

double KindBuilder::stretch_of(std::span<const Segment> segments) const {
  double nodes = 0;
  for (const Segment& segment : segments) nodes += segment.stages * cost_in(segment).nodes();
  return 1 + straggling(nodes * replicas_.least, stragglers_);
}

ReplicaKind KindBuilder::kind_of(const Pipeline& pipeline, const PipelineCut& cut) const {
  ReplicaKind kind;
  kind.virtual_stages = pipeline.virtual_stages;
  kind.round = round_of(static_cast<std::uint32_t>(cut.size()), kind.virtual_stages);
  Seconds tail{}, once{};
  for (const Segment& segment : pipeline.segments)
    for (std::uint32_t i = 0; i < segment.stages; ++i) {
      const std::size_t stage = kind.stages.size();
      const StageCost& cost = *pipeline.costs[stage];
      const StagePlace place = place_of(stage, cut.size());
      kind.stages.push_back(stage_of(segment, cut[stage]));
      tail = std::max(tail, cost.tail(cut[stage], place));
      const Seconds time = cost.time(place).at(cut[stage]);
      const Seconds transfers = transfers_of(pipeline.costs, stage, pipeline.links);
      once += time + transfers;
      kind.bottleneck = std::max(kind.bottleneck, time + kind.virtual_stages * transfers);
    }
  const double stretch = stretch_of(pipeline.segments);
  kind.uses = uses_of(pipeline.segments);
  kind.fill = stretch * (fill_of(once, kind.bottleneck, kind.virtual_stages) + tail);
  kind.bottleneck = stretch * kind.bottleneck;
  return kind;
}

/// At one of the sites, in groups that are of one ladder on each type.
bool KindBuilder::has_place(std::span<const Segment> segments) const {
  const std::vector<TypeUse> uses = uses_of(segments);
  const auto has_enough = [&](const SiteDevices& site) {
    return std::ranges::all_of(uses,
                               [&](const TypeUse& use) { return use.devices <= site[use.type]; });
  };
  return std::ranges::all_of(uses, [](const TypeUse& use) { return use.ladders != 0; }) &&
         std::ranges::any_of(sites_, has_enough);
}

KindBuilder::Pipeline KindBuilder::pipeline_of(std::span<const Segment> segments,
                                               std::vector<LinkTransfers> links) const {
  Pipeline pipeline{{segments.begin(), segments.end()}, {}, std::move(links), 1};
  for (const Segment& s : segments)
    pipeline.costs.insert(pipeline.costs.end(), s.stages, &cost_in(s));
  return pipeline;
}

std::vector<ReplicaKind> KindBuilder::spanning(const std::vector<Segment>& segments,
                                               std::vector<LinkTransfers> links) const {
  return cuts_of(pipeline_of(segments, std::move(links)));
}

PipelineCut KindBuilder::chunked(std::uint32_t stages, std::uint32_t virtual_stages) const {
  PipelineCut cut;
  for (std::uint32_t stage = 0; stage < stages; ++stage)
    cut.push_back(layers_in_chunks(layers_, stages, virtual_stages, stage));
  return cut;
}

bool KindBuilder::has_room(const Pipeline& pipeline, const PipelineCut& cut) const {
  for (std::size_t i = 0; i < cut.size(); ++i)
    if (cut[i] > pipeline.costs[i]->most_layers(
                     place_of(i, cut.size(), micro_batches_, pipeline.virtual_stages)))
      return false;
  return true;
}

/// Where stages are even they exchange their gradients soonest; where the fastest have most layers
/// the way is shortest. Chunks are as interleaving.h has them.
std::vector<ReplicaKind> KindBuilder::cuts_of(const Pipeline& pipeline) const {
  if (pipeline.virtual_stages > 1) {
    const PipelineCut cut =
        chunked(static_cast<std::uint32_t>(pipeline.costs.size()), pipeline.virtual_stages);
    if (!has_room(pipeline, cut)) return {};
    return {kind_of(pipeline, cut)};
  }
  const PipelineCutter cutter{pipeline.costs, pipeline.links, layers_,
                              static_cast<double>(micro_batches_)};
  const auto balanced = cutter.balanced(layers_);
  if (!balanced) return {};
  std::vector<PipelineCut> cuts = cutter.few();
  if (cuts.empty()) {
    cuts.push_back(*balanced);
    const auto keep = [&](std::optional<PipelineCut> cut) {
      if (cut && *cut != cuts.back()) cuts.push_back(*std::move(cut));
    };
    const auto stages = static_cast<std::uint32_t>(balanced->size());
    const std::uint32_t even = (layers_ + stages - 1) / stages;
    if (std::ranges::max(*balanced) > even) keep(cutter.balanced(even));
    if (pipeline.segments.size() > 1)
      for (const double slack : slacks)
        keep(cutter.quickest_within(slack * cutter.bottleneck(*balanced)));
  }
  std::vector<ReplicaKind> kinds;
  for (const PipelineCut& cut : cuts) kinds.push_back(kind_of(pipeline, cut));
  return kinds;
}

std::vector<ReplicaKind> KindBuilder::cut(const std::vector<Family>& families, Seconds limit,
                                          const std::function<bool()>& stop) const {
  std::vector<ReplicaKind> kinds;
  for (const Family& family : families) {
    if (stop()) break;
    Pipeline pipeline = pipeline_of(family.segments(), {});
    pipeline.virtual_stages = family.virtual_stages;
    for (ReplicaKind& kind : cuts_of(pipeline))
      if (kind.end(1) <= limit) kinds.push_back(std::move(kind));
  }
  return undominated(std::move(kinds));
}

std::optional<ReplicaKind> KindBuilder::of(const std::vector<PlannedStage>& stages,
                                           std::uint32_t virtual_stages) const {
  Pipeline pipeline;
  pipeline.virtual_stages = virtual_stages;
  PipelineCut cut;
  std::uint32_t layers = 0;
  for (const PlannedStage& stage : stages) {
    const std::optional<Segment> segment = find(stage);
    if (!segment) return std::nullopt;
    pipeline.segments.push_back(*segment);
    pipeline.costs.push_back(&cost_in(*segment));
    cut.push_back(stage.layers);
    layers += stage.layers;
  }
  if (layers != layers_ || !has_room(pipeline, cut)) return std::nullopt;
  if (virtual_stages == 1) return kind_of(pipeline, cut);
  const auto count = static_cast<std::uint32_t>(stages.size());
  const bool possible = may_interleave(count, virtual_stages) &&
                        std::ranges::count(pipeline.costs, pipeline.costs[0]) == count &&
                        cut == chunked(count, virtual_stages);
  if (!possible) return std::nullopt;
  return kind_of(pipeline, cut);
}

}  // namespace axs::plan
