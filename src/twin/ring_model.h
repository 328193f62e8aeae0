#pragma once

#include <optional>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/train/ring_sync.h"
#include "axs/twin/worker_model.h"

namespace axs::twin {

/// A worker as its contract with RingSync describes it: it computes gradients and passes chunks on.
/// It has no tensors; the live one is axs-worker.
class RingModel {
 public:
  /// `tokens_per_step` is that of all sites.
  RingModel(SiteId site, const catalog::Scenario& scenario, std::uint64_t tokens_per_step);

  /// A new process goes on from what the one before has saved.
  train::RingSync::WorkerReady restart();
  train::RingReport obey(const train::RingOrder& order);

  /// A gradient is to be computed now.
  bool wants_step() const;
  void begin_step() { computing_ = attempt_; }
  /// It is there: the chunks that go out now. None if it was given up meanwhile.
  std::vector<train::Chunk> end_step();
  /// A chunk has come: likewise.
  std::vector<train::Chunk> take(const train::Chunk& chunk);

  /// True once, when all sums are here: the optimiser step is taken now, and apply() is its end.
  bool begins_apply();
  train::RingSync::Applied apply();
  std::uint64_t attempt() const { return attempt_; }
  train::SyncId step() const { return step_; }

 private:
  void take_known(const train::Chunk& chunk, std::vector<train::Chunk>& out);
  train::Chunk chunk(std::uint32_t piece, std::uint32_t hop) const;

  SiteId site_;
  train::RingShape shape_;
  std::uint64_t steps_;
  train::SyncId step_;
  std::vector<train::SyncId> saved_{{}};  ///< The newest two, oldest first.
  std::uint64_t attempt_ = 0;
  train::RingStage stage_ = train::RingStage::halted;
  std::optional<std::uint64_t> computing_;  ///< In that attempt.
  std::optional<train::RingReduce> reduce_;
  bool applying_ = false;
  std::vector<train::Chunk> early_;
};

}  // namespace axs::twin
