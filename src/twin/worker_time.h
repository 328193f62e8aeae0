#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "axs/core/time.h"

namespace axs::twin {

/// When the process of a worker is at work: one thing at a time, and what it merges meanwhile makes
/// the next one later.
class WorkerTime {
 public:
  std::uint32_t life() const { return life_; }  ///< What an earlier one was to do is void.
  bool busy() const { return busy_; }

  /// When work is done that begins now and takes so long.
  Instant begin(Instant now, Duration takes) {
    busy_ = true;
    return std::max(now, merged_at_) + std::exchange(to_merge_, {}) + takes;
  }
  void end() { busy_ = false; }
  void merge(Instant now, Duration takes) {
    if (busy_)
      to_merge_ += takes;
    else
      merged_at_ = std::max(now, merged_at_) + takes;
  }
  /// The process has ended.
  void stop() { *this = WorkerTime{life_ + 1}; }

  WorkerTime() = default;

 private:
  explicit WorkerTime(std::uint32_t life) : life_{life} {}

  std::uint32_t life_ = 0;
  bool busy_ = false;    ///< until end()
  Instant merged_at_{};  ///< until then an idle worker merges
  Duration to_merge_{};  ///< what came while it was busy takes, before it goes on
};

}  // namespace axs::twin
