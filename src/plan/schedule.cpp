#include "axs/plan/schedule.h"

#include <algorithm>

#include "axs/core/assert.h"
#include "axs/plan/interleaving.h"

namespace axs::plan {

namespace {

/// Which pass of a stage comes after how many of the same direction.
struct Turn {
  std::uint32_t chunk;
  std::uint32_t micro_batch;
};

/// Of one chunk on each stage, or of several.
class Pipeline {
 public:
  Pipeline(const std::vector<TurnTime>& stages, std::uint32_t chunks, std::uint32_t micro_batches)
      : stages_{stages},
        count_{static_cast<std::uint32_t>(stages.size())},
        chunks_{chunks},
        micro_batches_{micro_batches},
        done_(stages.size()),
        passes_(stages.size()) {
    for (Done& done : done_)
      for (auto* ends : {&done.forward, &done.backward})
        ends->assign(std::size_t{chunks} * micro_batches, not_yet);
  }

  /// The passes of each stage.
  std::vector<std::vector<Pass>> run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::uint32_t stage = 0; stage < count_; ++stage)
        while (step(stage)) moved = true;
    }
    return std::move(passes_);
  }

 private:
  static constexpr Seconds not_yet{-1};
  struct Done {
    std::vector<Seconds> forward, backward;  ///< ends, by chunk and micro-batch
    std::uint32_t forwards = 0, backwards = 0;
  };

  std::uint32_t all() const { return chunks_ * micro_batches_; }
  std::size_t place(Turn turn) const {
    return std::size_t{turn.chunk} * micro_batches_ + turn.micro_batch;
  }

  /// Rounds of as many micro-batches as stages pass chunk after chunk.
  Turn turn(std::uint32_t number, bool forward) const {
    if (chunks_ == 1) return {0, number};
    const std::uint32_t round = number / (count_ * chunks_);
    const std::uint32_t chunk = number / count_ % chunks_;
    return {forward ? chunk : chunks_ - 1 - chunk, round * count_ + number % count_};
  }

  bool is_forward_next(std::uint32_t stage) const {
    const std::uint32_t after = count_ - 1 - stage;
    const std::uint32_t warm_up = chunks_ == 1 ? after : 2 * after + (chunks_ - 1) * count_;
    const Done& mine = done_[stage];
    return mine.forwards < all() && mine.forwards - mine.backwards <= warm_up;
  }

  /// When what it needs is there; before that, not_yet.
  Seconds ready(std::uint32_t stage, Turn turn, bool forward) const {
    if (forward) {
      if (stage > 0) return done_[stage - 1].forward[place(turn)];
      if (turn.chunk == 0) return {};
      return done_.back().forward[place({turn.chunk - 1, turn.micro_batch})];
    }
    if (stage + 1 < count_) return done_[stage + 1].backward[place(turn)];
    if (turn.chunk + 1 == chunks_) return done_[stage].forward[place(turn)];
    return done_.front().backward[place({turn.chunk + 1, turn.micro_batch})];
  }

  /// The next pass of the stage, if what it needs is there.
  bool step(std::uint32_t stage) {
    Done& mine = done_[stage];
    if (mine.backwards == all()) return false;
    const bool forward = is_forward_next(stage);
    const Turn next = turn(forward ? mine.forwards : mine.backwards, forward);
    const Seconds needed = ready(stage, next, forward);
    if (needed == not_yet) return false;
    auto& passes = passes_[stage];
    const Seconds begin = passes.empty() ? needed : std::max(needed, passes.back().end);
    const TurnTime& time = stages_[stage];
    const Seconds end = begin + (forward ? time.forward : time.backward) / chunks_;
    (forward ? mine.forward : mine.backward)[place(next)] = end;
    ++(forward ? mine.forwards : mine.backwards);
    passes.push_back({stage, forward ? PassKind::forward : PassKind::backward, next.micro_batch,
                      next.chunk, begin, end});
    return true;
  }

  const std::vector<TurnTime>& stages_;
  std::uint32_t count_;  ///< of the stages
  std::uint32_t chunks_;
  std::uint32_t micro_batches_;
  std::vector<Done> done_;  ///< by stage
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
  const Pass others{after->stage, PassKind::left_out, left_out, 0, (after - 1)->end, after->begin};
  passes.insert(after, others);
}

/// With so many of them left out, in which nobody waits for anything but the slowest stage.
PipelineSchedule played(const std::vector<TurnTime>& stages, std::uint32_t chunks,
                        std::uint32_t shown, std::uint32_t left_out) {
  Seconds slowest{};
  for (const TurnTime& turn : stages) slowest = std::max(slowest, turn.both());
  PipelineSchedule schedule;
  for (auto& passes : Pipeline{stages, chunks, shown}.run()) {
    if (left_out > 0) leave_room(passes, left_out, left_out * slowest);
    schedule.end = std::max(schedule.end, passes.back().end);
    schedule.passes.insert(schedule.passes.end(), passes.begin(), passes.end());
  }
  return schedule;
}

}  // namespace

PipelineSchedule one_forward_one_backward(const std::vector<TurnTime>& stages,
                                          std::uint32_t micro_batches, std::uint32_t most) {
  AXS_ASSERT(!stages.empty() && micro_batches > 0 && most >= 2);
  const std::uint32_t shown = std::min(micro_batches, most);
  return played(stages, 1, shown, micro_batches - shown);
}

PipelineSchedule interleaved(const std::vector<TurnTime>& stages, std::uint32_t chunks,
                             std::uint32_t micro_batches, std::uint32_t most) {
  AXS_ASSERT(stages.size() > 1 && chunks > 1 && micro_batches > 0);
  const auto round = static_cast<std::uint32_t>(stages.size());
  const auto all = static_cast<std::uint32_t>(in_rounds(micro_batches, round));
  const std::uint32_t shown = std::min(all, std::max(2 * round, most / round * round));
  PipelineSchedule schedule = played(stages, chunks, shown, all - shown);
  std::erase_if(schedule.passes, [&](const Pass& pass) {
    return pass.kind != PassKind::left_out && pass.micro_batch >= micro_batches;
  });
  return schedule;
}

}  // namespace axs::plan
