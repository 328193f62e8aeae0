#include "axs/plan/spanning_pipelines.h"

#include <algorithm>

#include "axs/plan/rounding.h"
#include "axs/plan/traffic.h"

namespace axs::plan {

namespace {

/// Of stages in a run.
constexpr std::array<std::uint32_t, 6> run_lengths{1, 2, 3, 4, 6, 8};

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

SpanningPipelines::SpanningPipelines(const Job& job, const Fleet& fleet,
                                     const std::vector<SiteDevices>& devices,
                                     const KindBuilder& builder, std::uint32_t replicas,
                                     const Scores& scores)
    : job_{job},
      devices_{devices},
      builder_{builder},
      replicas_{replicas},
      micro_batches_{job.global_batch / builder.method().micro_batch},
      waits_(devices.size() * devices.size()) {
  Bytes activations{};
  for (std::uint32_t type = 0; type < fleet.types.size(); ++type)
    // A wider stage hands on the same, in parts.
    for (std::uint32_t width = 0; width < builder.costs(type).size(); ++width)
      activations = activations_of(builder.cost_in({type, width, 1}));
  for (std::uint32_t a = 0; a < devices.size(); ++a) {
    options_.push_back(options_at(a, scores));
    for (std::uint32_t b = 0; b < devices.size(); ++b)
      if (a != b) waits_[a * devices.size() + b] = link_waits(fleet, a, b, activations, replicas);
  }
}

std::vector<SpanningPipelines::Option> SpanningPipelines::options_at(std::uint32_t site,
                                                                     const Scores& scores) const {
  std::vector<Option> options;
  for (std::uint32_t type = 0; type < devices_[site].size(); ++type) {
    const NodeWidths& widths = builder_.widths()[type];
    const PoolRoom room{widths, devices_[site][type], 1};
    for (std::uint32_t width = 0; width < builder_.costs(type).size(); ++width) {
      const StageCost& cost = builder_.cost_in({type, width, 1});
      const std::uint64_t each = std::uint64_t{replicas_} * cost.devices();
      const std::uint64_t most = room.devices_for(widths, cost.tensor()) / each;
      options.push_back({{type, width, 1},
                         cost.tensor(),
                         static_cast<std::uint32_t>(most),
                         cost.time({.last = false}).layer});
      if (!scores.empty()) options.back().score.add(static_cast<double>(each), scores[site][type]);
    }
  }
  return options;
}

/// A layer in stages of a width.
Seconds SpanningPipelines::quickest(std::uint32_t tensor) const {
  Seconds least{1e15};
  for (const auto& options : options_)
    for (const Option& option : options)
      if (option.tensor == tensor && option.most > 0) least = std::min(least, option.layer);
  return least;
}

std::optional<SpanningPipelines::Found> SpanningPipelines::shortest(Seconds limit,
                                                                    const Stop& stop) const {
  std::optional<Found> best;
  const std::int64_t work = most_work(micro_batches_, replicas_);
  const Take keep = [&](Found found, Reach& reach) {
    const Seconds end = found.kind.end(work);
    if (best && best->kind.end(work) <= end) return;
    reach.time = end;
    best = std::move(found);
  };
  for_each({limit * (1 + rounding)}, keep, stop);
  return best;
}

void SpanningPipelines::for_each(Reach reach, const Take& take, const Stop& stop) const {
  Looking looking{reach, take, stop};
  if (replicas_ <= micro_batches_) extend({}, looking);
}

/// Some stage is busy with each layer of each micro-batch, in one replica of all that it is in.
double SpanningPipelines::least_score() const {
  double second = endless, step = endless;
  for (const auto& options : options_)
    for (const Option& option : options) {
      if (option.most == 0) continue;
      second = std::min(second, option.score.second * option.layer.value());
      step = std::min(step, option.score.step);
    }
  const double work = job_.shape.layers * static_cast<double>(micro_batches_) / replicas_;
  return (1 - rounding) * (second * work + step);
}

SpanningPipelines::Begun SpanningPipelines::with(Begun begun, std::uint32_t site,
                                                 const Option& option, std::uint32_t stages) const {
  if (begun.count > 0) {
    const Seconds each = *waits(begun.runs[begun.count - 1].site, site);
    begun.ahead += each / option.layer + each / begun.last_layer;
    begun.links += 2 * each;
    begun.are_alike = begun.are_alike && option.tensor == begun.tensor;
  }
  begun.runs[begun.count++] = {site, {option.stage.type, option.stage.width, stages}};
  begun.stages += stages;
  begun.score.add(stages, option.score);
  begun.tensor = option.tensor;
  begun.layers_per_second += stages / option.layer.value();
  begun.last_layer = option.layer;
  begun.least_layer = std::min(begun.least_layer, option.layer);
  return begun;
}

void SpanningPipelines::extend(const Begun& begun, Looking& looking) const {
  if (begun.count > 1) look_at(begun, looking);
  const bool may_go_on = begun.count < sites_max - 1 || begun.are_alike;
  if (begun.count == sites_max || !may_go_on) return;
  if (!looking.may_reach(begun, bound_with_more(begun))) return;
  for (std::uint32_t site = 0; site < devices_.size(); ++site) {
    if (std::ranges::find(begun.all(), site, &Run::site) != begun.all().end()) continue;
    if (begun.count > 0 && !waits(begun.runs[begun.count - 1].site, site)) continue;
    if (looking.stop()) return;
    add_runs(begun, site, looking);
  }
}

void SpanningPipelines::add_runs(const Begun& begun, std::uint32_t site, Looking& looking) const {
  for (const Option& option : options_[site]) {
    if (begun.count == sites_max - 1 && option.tensor != begun.tensor) continue;
    for (const std::uint32_t stages : run_lengths) {
      if (stages > option.most || begun.stages + stages > spanning_stages_max) break;
      extend(with(begun, site, option, stages), looking);
    }
  }
}

/// All micro-batches but one wait for the slowest stage, which is no faster than if layers could be
/// cut anywhere; one goes through all layers and links.
Seconds SpanningPipelines::bound(const Begun& begun) const {
  const double layers = job_.shape.layers;
  const auto others = static_cast<double>(most_work(micro_batches_, replicas_) - 1);
  const Seconds slowest{(layers + begun.ahead) / begun.layers_per_second};
  return (1 - rounding) * (layers * begun.least_layer + begun.links + others * slowest);
}

/// One or two more runs, as long as may be, of the quickest stages. Where there may be one only it
/// has the width of the others.
Seconds SpanningPipelines::bound_with_more(const Begun& begun) const {
  Begun longer = begun;
  const auto runs = static_cast<std::uint32_t>(sites_max - begun.count);
  const std::uint32_t stages =
      std::min(spanning_stages_max - begun.stages, runs * run_lengths.back());
  Seconds layer{1e15};
  if (runs == 1)
    layer = quickest(begun.tensor);
  else
    for (const auto& options : options_)
      for (const Option& option : options) layer = std::min(layer, option.layer);
  longer.layers_per_second += stages / layer.value();
  longer.least_layer = std::min(longer.least_layer, layer);
  return bound(longer);
}

bool SpanningPipelines::has_room(std::span<const Run> runs) const {
  std::array<StageRun, sites_max> of_stages;
  for (std::size_t i = 0; i < runs.size(); ++i)
    of_stages[i] = {&builder_.cost_in(runs[i].stages), runs[i].stages.stages};
  return fullest_stage({of_stages.data(), runs.size()}, job_.shape.layers,
                       static_cast<double>(micro_batches_))
      .has_value();
}

void SpanningPipelines::look_at(const Begun& begun, Looking& looking) const {
  if (!looking.may_reach(begun, bound(begun)) || !has_room(begun.all())) return;
  std::vector<KindBuilder::Segment> segments;
  std::vector<LinkTransfers> links;
  std::size_t stage = 0;
  for (std::size_t i = 0; i < begun.count; ++i) {
    const Run& run = begun.runs[i];
    if (i > 0) links.push_back({stage, *waits(begun.runs[i - 1].site, run.site)});
    segments.push_back(run.stages);
    stage += run.stages.stages;
  }
  const std::int64_t work = most_work(micro_batches_, replicas_);
  for (ReplicaKind& kind : builder_.spanning(segments, std::move(links)))
    if (looking.may_reach(begun, kind.end(work)))
      looking.take({std::move(kind), {begun.all().begin(), begun.all().end()}}, looking.reach);
}

SharedWork SpanningPipelines::shared(const Found& found) const {
  SharedWork shared;
  const ChosenReplicas chosen{found.runs.front().site, &found.kind, replicas_};
  const std::int64_t each = micro_batches_ / replicas_, more = micro_batches_ % replicas_;
  shared.add(chosen, more, each + 1);
  shared.add(chosen, replicas_ - more, each);
  for (ReplicaGroup& group : shared.groups) {
    std::uint32_t stage = 0;
    for (const Run& run : found.runs) {
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
