#include "axs/plan/pipeline_cut.h"

#include <algorithm>
#include <numeric>
#include <queue>

namespace axs::plan {

namespace {

/// A limit that is the time of a stage allows for that stage.
constexpr double rounding = 1e-9;

}  // namespace

PipelineCutter::PipelineCutter(const std::vector<const StageCost*>& stages,
                               const std::vector<LinkTransfers>& links, std::uint32_t layers,
                               double micro_batches)
    : layers_{layers} {
  stages_.reserve(stages.size());
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const StagePlace place = place_of(i, stages.size(), micro_batches);
    const Line<Seconds> time = stages[i]->time(place);
    stages_.push_back(
        {time.none + transfers_of(stages, i, links), time.layer, stages[i]->most_layers(place)});
  }
}

bool PipelineCutter::possible(std::uint32_t most) const {
  std::uint64_t room = 0;
  for (const Stage& stage : stages_) {
    if (stage.most == 0) return false;
    room += std::min(stage.most, most);
  }
  return stages_.size() <= layers_ && room >= layers_;
}

/// What stages hold if all were as slow as layers that can be cut anywhere would make them. No
/// cut's slowest stage is faster.
PipelineCut PipelineCutter::level(std::uint32_t most) const {
  double rate = 0;
  double ahead = layers_;
  for (const Stage& stage : stages_) {
    rate += 1 / stage.layer.value();
    ahead += stage.empty / stage.layer;
  }
  const Seconds level{ahead / rate * (1 - rounding)};
  PipelineCut cut;
  std::uint64_t sum = 0;
  for (const Stage& stage : stages_) {
    const double layers = std::max((level - stage.empty) / stage.layer, 1.0);
    cut.push_back(std::min({stage.most, most, static_cast<std::uint32_t>(layers)}));
    sum += cut.back();
  }
  return sum <= layers_ ? cut : PipelineCut(stages_.size(), 1);
}

/// Layer by layer to the stage that is the fastest with it: stages are lines, so that no other cut
/// has a smaller maximum.
std::optional<PipelineCut> PipelineCutter::balanced(std::uint32_t most) const {
  if (!possible(most)) return std::nullopt;
  PipelineCut cut = level(most);
  using Next = std::pair<Seconds, std::size_t>;
  std::vector<Next> room;
  room.reserve(cut.size());
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next{{}, std::move(room)};
  const auto add = [&](std::size_t i) {
    if (cut[i] < std::min(stages_[i].most, most)) next.push({stages_[i].time(cut[i] + 1), i});
  };
  std::uint32_t left = layers_;
  for (std::size_t i = 0; i < cut.size(); ++i) {
    left -= cut[i];
    add(i);
  }
  for (; left > 0; --left) {
    const std::size_t fastest = next.top().second;
    next.pop();
    ++cut[fastest];
    add(fastest);
  }
  return cut;
}

/// Stages with the fastest layers take all that they may.
std::optional<PipelineCut> PipelineCutter::quickest_within(Seconds limit) const {
  if (!possible(layers_)) return std::nullopt;
  std::vector<std::size_t> order(stages_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return stages_[a].layer != stages_[b].layer ? stages_[a].layer < stages_[b].layer : a < b;
  });
  PipelineCut cut(stages_.size(), 1);
  auto left = static_cast<std::uint32_t>(layers_ - stages_.size());
  for (const std::size_t i : order) {
    const Stage& stage = stages_[i];
    const double layers = (limit - stage.empty) / stage.layer + rounding;
    const double within = std::min(layers, static_cast<double>(layers_));
    if (within < 1) return std::nullopt;
    const auto most = std::min(stage.most, static_cast<std::uint32_t>(within));
    const std::uint32_t more = std::min(left, most - 1);
    cut[i] += more;
    left -= more;
  }
  if (left > 0) return std::nullopt;
  return cut;
}

std::vector<PipelineCut> PipelineCutter::few() const {
  constexpr std::uint64_t few = 32;
  std::uint64_t count = 1;  // Of the places between layers, so many are to be chosen.
  for (std::size_t i = 1; i < stages_.size() && count <= few; ++i)
    count = count * (layers_ - i) / i;
  if (count > few || stages_.size() > layers_) return {};
  std::vector<PipelineCut> begun{{}};
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    std::vector<PipelineCut> longer;
    for (const PipelineCut& cut : begun) {
      const std::uint32_t left = layers_ - std::accumulate(cut.begin(), cut.end(), 0u);
      const auto later = static_cast<std::uint32_t>(stages_.size() - i - 1);
      const std::uint32_t least = later == 0 ? left : 1;
      for (std::uint32_t mine = least; mine + later <= left && mine <= stages_[i].most; ++mine) {
        longer.push_back(cut);
        longer.back().push_back(mine);
      }
    }
    begun = std::move(longer);
  }
  return begun;
}

Seconds PipelineCutter::bottleneck(const PipelineCut& cut) const {
  Seconds most{};
  for (std::size_t i = 0; i < cut.size(); ++i) most = std::max(most, stages_[i].time(cut[i]));
  return most;
}

}  // namespace axs::plan
