#include "axs/host/background_sync.h"

#include <unistd.h>

#include "axs/host/fd.h"

namespace axs::host {

BackgroundSync::BackgroundSync(int fd, std::string path)
    : fd_{fd}, path_{std::move(path)}, thread_{[this] { run(); }} {}

BackgroundSync::~BackgroundSync() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void BackgroundSync::request() {
  {
    const std::lock_guard lock{mutex_};
    requested_ = true;
  }
  work_.notify_one();
}

std::optional<Error> BackgroundSync::failure() {
  const std::lock_guard lock{mutex_};
  return failure_;
}

void BackgroundSync::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    work_.wait(lock, [this] { return requested_ || stopping_; });
    // What is asked for from here on may have been written too late for this attempt.
    if (!std::exchange(requested_, false)) return;
    lock.unlock();
    std::optional<Error> failure;
    if (::fdatasync(fd_) != 0) failure = system_error(path_ + ": fdatasync");
    lock.lock();
    // The kernel tells of a failed write once, and the next attempt knows nothing of it.
    if (failure && !failure_) failure_ = std::move(failure);
  }
}

}  // namespace axs::host
