#include "axs/plan/schedule.h"

#include <algorithm>

#include "axs/core/assert.h"

namespace axs::plan {

namespace {

class Pipeline {
 public:
  Pipeline(const std::vector<TurnTime>& stages, std::uint32_t micro_batches)
      : stages_{stages}, count_{micro_batches}, ends_(stages.size()), passes_(stages.size()) {
    for (StageEnds& ends : ends_) ends.forward.reserve(count_);
  }

  /// The passes of each stage.
  std::vector<std::vector<Pass>> run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::uint32_t stage = 0; stage < stages_.size(); ++stage)
        while (step(stage)) moved = true;
    }
    return std::move(passes_);
  }

 private:
  struct StageEnds {
    std::vector<Seconds> forward, backward;  ///< by micro-batch
  };

  bool is_last(std::uint32_t stage) const { return stage + 1 == stages_.size(); }

  bool is_forward_next(std::uint32_t stage) const {
    const auto warm_up = static_cast<std::uint32_t>(stages_.size() - 1 - stage);
    const std::size_t ahead = ends_[stage].forward.size() - ends_[stage].backward.size();
    return ends_[stage].forward.size() < count_ && ahead <= warm_up;
  }

  /// The next pass of the stage, if what it needs is there.
  bool step(std::uint32_t stage) {
    StageEnds& mine = ends_[stage];
    if (mine.backward.size() == count_) return false;
    const bool forward = is_forward_next(stage);
    auto& done = forward ? mine.forward : mine.backward;
    const std::size_t number = done.size();
    Seconds ready{};
    if (forward && stage > 0) {
      if (ends_[stage - 1].forward.size() <= number) return false;
      ready = ends_[stage - 1].forward[number];
    } else if (!forward && !is_last(stage)) {
      if (ends_[stage + 1].backward.size() <= number) return false;
      ready = ends_[stage + 1].backward[number];
    }
    auto& passes = passes_[stage];
    const Seconds begin = passes.empty() ? ready : std::max(ready, passes.back().end);
    const Seconds end = begin + (forward ? stages_[stage].forward : stages_[stage].backward);
    done.push_back(end);
    passes.push_back({stage, forward ? PassKind::forward : PassKind::backward,
                      static_cast<std::uint32_t>(number), begin, end});
    return true;
  }

  const std::vector<TurnTime>& stages_;
  std::uint32_t count_;
  std::vector<StageEnds> ends_;
  std::vector<std::vector<Pass>> passes_;
};

/// In the middle of a stage's passes, so many micro-batches for which it takes that long.
void leave_room(std::vector<Pass>& passes, std::uint32_t left_out, Seconds room) {
  const std::size_t middle = passes.size() / 2;
  for (std::size_t i = middle; i < passes.size(); ++i) {
    passes[i].micro_batch += left_out;
    passes[i].begin += room;
    passes[i].end += room;
  }
  const auto after = passes.begin() + static_cast<std::ptrdiff_t>(middle);
  const Pass others{after->stage, PassKind::left_out, left_out, (after - 1)->end, after->begin};
  passes.insert(after, others);
}

}  // namespace

PipelineSchedule one_forward_one_backward(const std::vector<TurnTime>& stages,
                                          std::uint32_t micro_batches, std::uint32_t most) {
  AXS_ASSERT(!stages.empty() && micro_batches > 0 && most >= 2);
  const std::uint32_t shown = std::min(micro_batches, most);
  const std::uint32_t left_out = micro_batches - shown;
  Seconds slowest{};
  for (const TurnTime& turn : stages) slowest = std::max(slowest, turn.both());
  PipelineSchedule schedule;
  for (auto& passes : Pipeline{stages, shown}.run()) {
    if (left_out > 0) leave_room(passes, left_out, left_out * slowest);
    schedule.end = std::max(schedule.end, passes.back().end);
    schedule.passes.insert(schedule.passes.end(), passes.begin(), passes.end());
  }
  return schedule;
}

}  // namespace axs::plan
