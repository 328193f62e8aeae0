#pragma once

#include <map>
#include <optional>
#include <vector>

#include "axs/train/site_sync.h"

namespace axs::twin {

/// How fast a site's worker is and how large its messages are; measured on the real one.
struct WorkerSpeed {
  Duration step = milliseconds(30);
  Duration capture = milliseconds(4);
  Duration apply = milliseconds(3);
  Duration start = seconds(1);  ///< from the launch of the process to ready
  std::uint64_t tokens_per_step = 256;
  std::uint64_t contribution_bytes = 160'000;
};

/// A worker as its contract with SiteSync describes it: it steps, captures, applies and saves. It
/// has no tensors; the live one is axs-worker.
class WorkerModel {
 public:
  WorkerModel(SiteId site, std::uint32_t fragments, WorkerSpeed speed);

  /// A new process goes on from what the one before has saved.
  train::SiteSync::WorkerReady restart();
  void order(const train::SiteSync::Capture& capture) { state_.order = capture; }
  /// Merges a decision; the site must have asked for it in order.
  train::SiteSync::Applied apply(const train::SiteSync::Apply& apply);

  /// What it does next, and how long that takes: a step, a capture, or nothing until it is told
  /// more.
  enum class Work { step, capture, wait };
  Work next_work() const;
  void step() { state_.position += speed_.tokens_per_step; }
  train::SiteSync::Captured capture();

  /// Takes `factor` times as long for each step; 1 ends it.
  void slow(double factor) { slowness_ = factor; }
  Duration time_of(Work work) const;
  const WorkerSpeed& speed() const { return speed_; }
  std::uint64_t position() const { return state_.position; }

 private:
  struct State {
    std::uint64_t position = 0;
    std::uint64_t captured_at = 0;
    std::vector<std::uint64_t> merged;
    train::SyncId applied;
    std::map<train::SyncId, train::Contribution> pending;
    std::optional<train::SiteSync::Capture> order;
    std::optional<std::uint64_t> stop;
  };
  bool blocked() const;

  SiteId site_;
  WorkerSpeed speed_;
  double slowness_ = 1;
  State state_;
  State saved_;
};

}  // namespace axs::twin
