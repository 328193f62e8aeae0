#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "axs/host/clock.h"
#include "axs/host/fd.h"

namespace axs::host {

/// What to be told about a descriptor.
enum class Interest { readable, writable, both };

/// What a callback is told. Errors and the end of the peer count as both, so that the next read or
/// write finds out.
struct Ready {
  bool readable = false;
  bool writable = false;
};

/// Names one timer; never used again.
struct TimerId {
  Instant at;
  std::uint64_t number = 0;
  auto operator<=>(const TimerId&) const = default;
};

/// The event loop of a process: descriptors, timers in Instants of the run's clock, and work posted
/// by other threads, all in the thread that calls run(). Callbacks may call every function here.
/// Timers run in the order of their Instants, equal ones as they were set.
class Loop {
 public:
  using Callback = std::function<void()>;
  using ReadyCallback = std::function<void(Ready)>;

  static Result<std::unique_ptr<Loop>> create(const RunClock& clock);
  Loop(const Loop&) = delete;

  Instant now() const { return clock_.now(); }

  /// Calls back as long as the descriptor is ready (level-triggered), until unwatch(); one watch
  /// per descriptor. Unwatch before closing it.
  Result<> watch(int fd, Interest interest, ReadyCallback callback);
  /// Changes what a watched descriptor is watched for.
  Result<> change(int fd, Interest interest);
  /// No callback comes for it any more. Fine if it is not watched.
  void unwatch(int fd);

  /// Calls back once, at `at` or as soon as possible after.
  TimerId at(Instant at, Callback callback);
  TimerId after(Duration delay, Callback callback) {
    return at(now() + delay, std::move(callback));
  }
  /// Fine if it has run or was cancelled.
  void cancel(const TimerId& timer) { timers_.erase(timer); }

  /// Has the loop call back soon. From any thread.
  void post(Callback callback);
  /// Has run() return after the callback in progress; what else is due waits for the next run().
  /// From any thread.
  void stop();

  /// Serves events until stop(); may be called again.
  Result<> run();

 private:
  struct Watch {
    int fd;
    ReadyCallback callback;
  };

  Loop(const RunClock& clock, Fd epoll, Fd timer, Fd event);
  Result<> arm_timer();
  Result<> wait();
  void run_due_timers();
  void run_posted();
  void dispatch(std::uint64_t watch, std::uint32_t events);

  RunClock clock_;
  Fd epoll_;
  Fd timer_;
  Fd event_;
  std::map<std::uint64_t, std::shared_ptr<Watch>> watches_;  ///< By number, never used again.
  std::map<int, std::uint64_t> numbers_;                     ///< The watch of a descriptor.
  std::uint64_t next_number_;
  std::map<TimerId, Callback> timers_;
  std::uint64_t next_timer_ = 0;
  Instant armed_{INT64_MAX};
  std::atomic<bool> stopped_ = false;

  std::mutex mutex_;
  std::vector<Callback> posted_;
};

}  // namespace axs::host
