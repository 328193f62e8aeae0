// Which pipelines a KindBuilder looks at, and which of them are worth cutting.
#include <algorithm>

#include "axs/plan/replica_kind.h"
#include "axs/plan/step_time.h"

namespace axs::plan {

namespace {

/// More stages than this come in steps of an eighth.
constexpr std::uint32_t every_count_until = 16;
/// Longer pipelines mostly wait.
constexpr std::uint32_t stages_max = 256;
constexpr std::array<std::uint32_t, 4> counts_of_two{1, 2, 4, 8};

std::uint32_t next_count(std::uint32_t stages) {
  std::uint32_t step = 1;
  while (stages / step >= 2 * every_count_until) step *= 2;
  return stages + (stages >= every_count_until ? 2 * step : 1);
}

/// Without stages and what they use.
ReplicaKind as_kind(const KindBuilder::Family& family) {
  ReplicaKind kind;
  kind.fill = family.fill;
  kind.bottleneck = family.bottleneck;
  kind.virtual_stages = family.virtual_stages;
  kind.round = round_of(family.runs.front().stages, family.virtual_stages);
  return kind;
}

std::int64_t capacity(const KindBuilder::Family& family, const KindNeed& need) {
  return as_kind(family).capacity(need.limit, need.micro_batches);
}

}  // namespace

KindBuilder::Families KindBuilder::families(const std::vector<std::uint32_t>& types, bool mixed,
                                            KindNeed need) const {
  Families families;
  for (const std::uint32_t type : types) add_pure(type, need.limit, families.pure);
  if (mixed) {
    if (!is_of_one_stage(method_)) extend(types, {.count = 0}, need.limit, families.mixed);
    add_splits(need.limit, families.mixed);
  }
  keep_of_use(need, families);
  return families;
}

void KindBuilder::add_pure(std::uint32_t type, Seconds limit, std::vector<Family>& families) const {
  const std::uint32_t most =
      is_of_one_stage(method_) || replicas_only_ ? 1 : std::min(layers_, stages_max);
  const std::size_t widths = std::min<std::size_t>(costs_[type].size(), replicas_only_ ? 1 : ~0u);
  for (std::uint32_t width = 0; width < widths; ++width)
    for (std::uint32_t stages = 1; stages <= most; stages = next_count(stages))
      for (std::uint32_t chunks = 1; chunks <= virtual_stages_max; ++chunks)
        if (chunks == 1 || may_interleave(stages, chunks))
          add({.runs = {Segment{type, width, stages}}, .virtual_stages = chunks}, limit, families);
}

/// All stages are split alike.
void KindBuilder::add_splits(Seconds limit, std::vector<Family>& families) const {
  for (std::size_t type = widths_.size(); type < costs_.size(); ++type)
    for (const std::uint32_t stages : counts_of_two)
      if (stages == 1 || !is_of_one_stage(method_))
        add({.runs = {Segment{static_cast<std::uint32_t>(type), 0, stages}}}, limit, families);
}

/// If the step is whole rounds: else no plan could have nothing but whole ones.
bool KindBuilder::may_interleave(std::uint32_t stages, std::uint32_t virtual_stages) const {
  return stages > 1 && micro_batches_ % stages == 0 && has_chunks(layers_, stages * virtual_stages);
}

/// Two runs come in several numbers of stages, three have one each, the first and the last of which
/// may be alike: what ends a pipeline has more to hold than what is in between.
void KindBuilder::extend(const std::vector<std::uint32_t>& types, Family begun, Seconds limit,
                         std::vector<Family>& families) const {
  if (begun.count == 3) return add(begun, limit, families);
  if (begun.count == 2) {
    Family counted = begun;
    for (const std::uint32_t first : counts_of_two)
      for (const std::uint32_t second : counts_of_two) {
        counted.runs[0].stages = first;
        counted.runs[1].stages = second;
        add(counted, limit, families);
      }
  }
  for (const std::uint32_t type : types)
    for (std::uint32_t width = 0; width < costs_[type].size(); ++width) {
      if (begun.count > 0) {
        const Segment& last = begun.segments().back();
        if (last.type == type && last.width == width) continue;
      }
      Family longer = begun;
      longer.runs[longer.count++] = {type, width, 1};
      if (has_place(longer.segments())) extend(types, longer, limit, families);
    }
}

KindBuilder::Runs KindBuilder::runs_of(const Family& family) const {
  Runs runs;
  for (std::size_t i = 0; i < family.count; ++i)
    runs[i] = {&cost_in(family.runs[i]), family.runs[i].stages, family.virtual_stages};
  return runs;
}

/// If a stage has `fullest` layers or more.
void KindBuilder::bound(Family& family, std::uint32_t fullest) const {
  const Runs runs = runs_of(family);
  const std::span<const StageRun> used{runs.data(), family.count};
  const PipelineBound bound = pipeline_bound(used, layers_, fullest);
  family.fill = family.stretch * bound.fill;
  family.bottleneck = family.stretch * bound.bottleneck;
}

/// Unless there are too few devices, or no kind ends within `limit`.
void KindBuilder::add(Family family, Seconds limit, std::vector<Family>& families) const {
  std::uint32_t stages = 0;
  for (const Segment& segment : family.segments()) stages += segment.stages;
  if (stages > layers_ || !has_place(family.segments())) return;
  family.stretch = 1;
  bound(family, mean_layers(layers_, stages));
  if (as_kind(family).end(1) > limit) return;  // Most, and stretching them takes long.
  family.stretch = stretch_of(family.segments());
  family.fill = family.stretch * family.fill;
  family.bottleneck = family.stretch * family.bottleneck;
  if (as_kind(family).end(1) <= limit) families.push_back(family);
}

/// Together they have to do all: if one does so little that all others at their best leave a rest,
/// it is in no plan.
void KindBuilder::keep_of_use(const KindNeed& need, Families& families) const {
  std::int64_t most = 0;
  for (const auto* some : {&families.pure, &families.mixed})
    for (const Family& family : *some) most = std::max(most, capacity(family, need));
  const std::int64_t least = need.micro_batches - (need.bundles - 1) * most;
  const auto is_of_no_use = [&](Family& family) {
    if (capacity(family, need) < least) return true;
    const Runs runs = runs_of(family);
    const auto fullest = fullest_stage({runs.data(), family.count}, layers_, micro_batches_);
    if (!fullest) return true;
    bound(family, *fullest);
    return capacity(family, need) < least;
  };
  std::erase_if(families.pure, is_of_no_use);
  std::erase_if(families.mixed, is_of_no_use);
}

ReplicaKind KindBuilder::least(const Family& family) const {
  ReplicaKind kind = as_kind(family);
  kind.uses = uses_of(family.segments());
  for (const Segment& segment : family.segments()) kind.stages.push_back(stage_of(segment, 0));
  return kind;
}

}  // namespace axs::plan
