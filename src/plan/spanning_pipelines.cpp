#include "axs/plan/spanning_pipelines.h"

#include <algorithm>

#include "axs/plan/traffic.h"

namespace axs::plan {

namespace {

/// Of stages in a run.
constexpr std::array<std::uint32_t, 6> run_lengths{1, 2, 3, 4, 6, 8};
constexpr std::size_t sites_max = 3;
/// Nothing that may still be the best is left out because of rounding.
constexpr double rounding = 1e-9;

/// Of the replica that has most of the work.
std::int64_t most_work(std::int64_t micro_batches, std::uint32_t replicas) {
  return (micro_batches + replicas - 1) / replicas;
}

}  // namespace

Seconds each_waits(const SiteWay& way, Bytes activations, double replicas) {
  return replicas * activations / way.rate + 0.5 * way.round_trip;
}

std::optional<Seconds> link_waits(const Fleet& fleet, std::uint32_t a, std::uint32_t b,
                                  Bytes activations, double replicas) {
  std::vector<std::optional<Seconds>> quickest(std::max<std::size_t>(fleet.spells.size(), 1));
  for (const SiteLink& link : fleet.links) {
    const bool joins = (link.from == a && link.to == b) || (link.from == b && link.to == a);
    if (!joins) continue;
    const Seconds waits = each_waits({link.rate, link.round_trip}, activations, replicas);
    auto& best = quickest[link.spell];
    best = std::min(best.value_or(waits), waits);
  }
  return std::ranges::all_of(quickest, [](const auto& best) { return best.has_value(); })
             ? *std::ranges::max_element(quickest)
             : std::nullopt;
}

Result<std::vector<LinkTransfers>> links_of(const Fleet& fleet, const ReplicaGroup& group,
                                            Bytes activations, double replicas) {
  std::vector<LinkTransfers> links;
  std::uint32_t from = group.site;
  for (const Crossing& crossing : group.crossings) {
    const auto waits = link_waits(fleet, from, crossing.site, activations, replicas);
    if (!waits)
      return Error{Errc::invalid, "link " + fleet.sites[from].name + "-" +
                                      fleet.sites[crossing.site].name +
                                      ": none in some spell, want one in all for a pipeline"};
    links.push_back({crossing.stage, *waits});
    from = crossing.site;
  }
  return links;
}

Bytes activations_of(const StageCost& stage) {
  return stage.devices() * stage_message(stage.workload(1));
}

struct SpanningPipelines::Best {
  Seconds limit;
  std::optional<ReplicaKind> kind{};
  std::vector<Run> runs{};
};

SpanningPipelines::SpanningPipelines(const Job& job, const Fleet& fleet,
                                     const std::vector<SiteDevices>& devices,
                                     const KindBuilder& builder, std::uint32_t replicas)
    : job_{job},
      devices_{devices},
      builder_{builder},
      replicas_{replicas},
      micro_batches_{job.global_batch / builder.method().micro_batch},
      quickest_{1e15},
      waits_(devices.size() * devices.size()) {
  Bytes activations{};
  for (std::uint32_t type = 0; type < fleet.types.size(); ++type)
    for (std::uint32_t width = 0; width < builder.width_count(type); ++width) {
      // A wider stage hands on the same, in parts.
      activations = activations_of(builder.cost_in({type, width, 1}));
      quickest_ = std::min(quickest_, layer_of({type, width, 1}));
    }
  for (std::uint32_t a = 0; a < devices.size(); ++a)
    for (std::uint32_t b = 0; b < devices.size(); ++b)
      if (a != b) waits_[a * devices.size() + b] = link_waits(fleet, a, b, activations, replicas);
}

std::optional<SharedWork> SpanningPipelines::shortest(Seconds limit, const Stop& stop) const {
  Best best{limit * (1 + rounding)};
  std::vector<Run> runs;
  if (replicas_ <= micro_batches_) extend(runs, best, stop);
  if (!best.kind) return std::nullopt;
  return shared(best);
}

void SpanningPipelines::extend(std::vector<Run>& runs, Best& best, const Stop& stop) const {
  std::uint32_t before = 0;
  for (const Run& run : runs) before += run.stages.stages;
  if (runs.size() > 1) look_at(runs, best);
  if (runs.size() == sites_max) return;
  if (!may_be_within(runs, spanning_stages_max - before, best.limit)) return;
  for (std::uint32_t site = 0; site < devices_.size(); ++site) {
    if (std::ranges::find(runs, site, &Run::site) != runs.end()) continue;
    if (!runs.empty() && !waits(runs.back().site, site)) continue;
    if (stop()) return;
    add_runs(runs, site, before, best, stop);
  }
}

void SpanningPipelines::add_runs(std::vector<Run>& runs, std::uint32_t site, std::uint32_t before,
                                 Best& best, const Stop& stop) const {
  for (std::uint32_t type = 0; type < devices_[site].size(); ++type)
    for (std::uint32_t width = 0; width < builder_.width_count(type); ++width) {
      const StageCost& cost = builder_.cost_in({type, width, 1});
      const auto is_other = [&](const Run& run) {
        return builder_.cost_in(run.stages).tensor() != cost.tensor();
      };
      if (runs.size() == sites_max - 1 && std::ranges::any_of(runs, is_other)) continue;
      const std::uint64_t each = std::uint64_t{replicas_} * cost.devices();
      const std::uint32_t room = room_for(site, type, cost.tensor());
      for (const std::uint32_t stages : run_lengths) {
        if (stages * each > room || before + stages > spanning_stages_max) break;
        runs.push_back({site, {type, width, stages}});
        extend(runs, best, stop);
        runs.pop_back();
      }
    }
}

/// Devices in groups of one width.
std::uint32_t SpanningPipelines::room_for(std::uint32_t site, std::uint32_t type,
                                          std::uint32_t tensor) const {
  const NodeWidths& widths = builder_.widths()[type];
  return PoolRoom{widths, devices_[site][type], 1}.devices_for(widths, tensor);
}

Seconds SpanningPipelines::layer_of(const KindBuilder::Segment& stages) const {
  return builder_.cost_in(stages).time({.last = false}).layer;
}

/// With so many more stages. All micro-batches but one wait for the slowest stage, which is no
/// faster than if layers could be cut anywhere; one goes through all layers and links.
bool SpanningPipelines::may_be_within(const std::vector<Run>& runs, std::uint32_t more,
                                      Seconds limit) const {
  const double layers = job_.shape.layers;
  double layers_per_second = more / quickest_.value(), ahead = layers;
  Seconds least = more > 0 ? quickest_ : limit, links{};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Seconds layer = layer_of(runs[i].stages);
    layers_per_second += runs[i].stages.stages / layer.value();
    least = std::min(least, layer);
    if (i == 0) continue;
    const Seconds each = *waits(runs[i - 1].site, runs[i].site);
    ahead += each / layer + each / layer_of(runs[i - 1].stages);
    links += 2 * each;
  }
  const auto others = static_cast<double>(most_work(micro_batches_, replicas_) - 1);
  const Seconds bound = layers * least + links + Seconds{others * ahead / layers_per_second};
  return (1 - rounding) * bound <= limit;
}

bool SpanningPipelines::has_room(const std::vector<Run>& runs) const {
  std::size_t stages = 0, stage = 0;
  for (const Run& run : runs) stages += run.stages.stages;
  std::uint64_t room = 0;
  for (const Run& run : runs)
    for (std::uint32_t i = 0; i < run.stages.stages; ++i)
      room += builder_.cost_in(run.stages)
                  .most_layers(place_of(stage++, stages, static_cast<double>(micro_batches_)));
  return room >= job_.shape.layers;
}

void SpanningPipelines::look_at(const std::vector<Run>& runs, Best& best) const {
  if (!may_be_within(runs, 0, best.limit) || !has_room(runs)) return;
  std::vector<KindBuilder::Segment> segments;
  std::vector<LinkTransfers> links;
  std::size_t stage = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i > 0) links.push_back({stage, *waits(runs[i - 1].site, runs[i].site)});
    segments.push_back(runs[i].stages);
    stage += runs[i].stages.stages;
  }
  const std::int64_t work = most_work(micro_batches_, replicas_);
  for (ReplicaKind& kind : builder_.spanning(segments, std::move(links))) {
    const Seconds end = kind.end(work);
    if (end > best.limit || (best.kind && best.kind->end(work) <= end)) continue;
    best = {end, std::move(kind), runs};
  }
}

SharedWork SpanningPipelines::shared(const Best& best) const {
  SharedWork shared;
  const ChosenReplicas chosen{best.runs.front().site, &*best.kind, replicas_};
  const std::int64_t each = micro_batches_ / replicas_, more = micro_batches_ % replicas_;
  shared.add(chosen, more, each + 1);
  shared.add(chosen, replicas_ - more, each);
  for (ReplicaGroup& group : shared.groups) {
    std::uint32_t stage = 0;
    for (const Run& run : best.runs) {
      if (stage > 0) group.crossings.push_back({stage, run.site});
      stage += run.stages.stages;
    }
  }
  return shared;
}

Seconds spanning_bound(std::int64_t micro_batches, std::uint32_t layers, Seconds layer,
                       std::uint32_t replicas) {
  const auto others = static_cast<double>(most_work(micro_batches, replicas) - 1);
  return layers * (1 + others / spanning_stages_max) * layer * (1 - rounding);
}

}  // namespace axs::plan
