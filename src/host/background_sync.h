#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "axs/core/result.h"

namespace axs::host {

/// Brings what an event loop writes to a file onto the disk, by a thread of its own, so that the
/// loop does not wait for the disk. For one thread, the loop's.
class BackgroundSync {
 public:
  /// The descriptor must stay open as long as this; `path` begins the text of errors.
  BackgroundSync(int fd, std::string path);
  BackgroundSync(const BackgroundSync&) = delete;
  /// Waits until everything that was asked for is done.
  ~BackgroundSync();

  /// What has been written to the file until now shall be on the disk soon.
  void request();
  /// Why an attempt failed, the first that did.
  std::optional<Error> failure();

 private:
  void run();

  const int fd_;
  const std::string path_;
  std::mutex mutex_;
  std::condition_variable work_;
  bool requested_ = false;
  bool stopping_ = false;
  std::optional<Error> failure_;
  std::thread thread_;
};

}  // namespace axs::host
