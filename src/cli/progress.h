#pragma once

#include <chrono>
#include <string>

namespace axs::cli {

/// A line on standard error that tells how far a long piece of work is and how long it still takes.
/// Only on a terminal, and only once the work has lasted a second; it is gone when the work is
/// done.
class Progress {
 public:
  /// `what` is being done: "looking for passes".
  explicit Progress(std::string what);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// `share` of the work, in [0, 1], is behind. `where` says in other words how far that is.
  void show(double share, const std::string& where = "");

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  bool wanted_;
  bool shown_ = false;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point next_ = begun_ + std::chrono::seconds(1);
};

}  // namespace axs::cli
