#pragma once

#include <optional>

#include "axs/train/site_sync.h"

namespace axs::twin {

/// How fast a site's worker is and how large its messages are; measured on the real one.
struct WorkerSpeed {
  Duration step = milliseconds(30);
  Duration capture = milliseconds(4);
  Duration apply = milliseconds(3);
  Duration start = seconds(1);  ///< from the launch of the process to ready
  std::uint64_t tokens_per_step = 256;
  std::uint64_t contribution_bytes = 160'000;  ///< where the worker makes none by itself
};

/// The worker of a site as the world drives it: it steps, captures, applies and saves as its
/// contract with SiteSync says; how long that takes, the world says. What goes wrong in a call
/// without a Result is the error of the next one that has one, and until then it has work to do.
class Worker {
 public:
  enum class Work { step, capture, wait };

  explicit Worker(const WorkerSpeed& speed) : speed_{speed} {}
  virtual ~Worker() = default;

  /// A new process, in place of any before.
  virtual void start() = 0;
  /// It is there, and goes on from what the one before has saved.
  virtual Result<train::SiteSync::WorkerReady> ready() = 0;

  virtual void order(const train::SiteSync::Capture& capture) = 0;
  virtual void foresee(const train::SiteSync::Foresee& foresee) = 0;
  /// Merges a decision; the site must have asked for it in order.
  virtual Result<train::SiteSync::Applied> apply(const train::SiteSync::Apply& apply) = 0;

  /// What it does next: a step, a capture, or nothing until it is told more.
  virtual Work next_work() const = 0;
  /// It begins with that: what comes before end() finds a step under way.
  virtual void begin(Work work) = 0;
  /// That is done. The capture, if it was one and what came meanwhile has not made it void.
  virtual Result<std::optional<train::SiteSync::Captured>> end(Work work) = 0;

  /// Tokens of its shard that it has read.
  virtual std::uint64_t position() const = 0;
  /// Mean over the steps since it was last asked; not a number if it computes none.
  virtual double take_loss() = 0;

  /// Takes `factor` times as long for each step; 1 ends it.
  void slow(double factor) { slowness_ = factor; }
  Duration time_of(Work work) const {
    return work == Work::step ? scaled(speed_.step, slowness_) : speed_.capture;
  }
  const WorkerSpeed& speed() const { return speed_; }

 private:
  WorkerSpeed speed_;
  double slowness_ = 1;
};

}  // namespace axs::twin
