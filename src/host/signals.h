#pragma once

#include <signal.h>

#include <optional>

#include "axs/host/fd.h"

namespace axs::host {

/// SIGINT, SIGTERM and SIGHUP as something to poll instead of an interruption. They are blocked in
/// the thread that creates this, and in threads that it starts later: create it before any thread.
class SignalFd {
 public:
  static Result<SignalFd> create();
  SignalFd(SignalFd&&) noexcept = default;
  SignalFd& operator=(SignalFd&&) = delete;
  /// Restores the mask of the thread that calls it.
  ~SignalFd();

  /// Readable when next() has a signal.
  int fd() const { return fd_.get(); }
  /// The number of a signal that has come, if one has.
  std::optional<int> next();

 private:
  SignalFd(Fd fd, const sigset_t& old) : fd_{std::move(fd)}, old_mask_{old} {}

  Fd fd_;
  sigset_t old_mask_;
};

/// none: go on; finish: end after the current round and write a checkpoint; abort: end now.
enum class Cancel { none, finish, abort };

/// What the user has asked for by signals. The first SIGINT or SIGTERM asks to finish, the second
/// to abort. SIGHUP (the terminal was closed) asks to finish, however often it comes.
class Cancellation {
 public:
  Cancel on_signal(int number);
  Cancel state() const { return state_; }

 private:
  Cancel state_ = Cancel::none;
  bool interrupted_ = false;
};

}  // namespace axs::host
