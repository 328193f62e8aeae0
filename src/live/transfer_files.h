#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "axs/live/transfer_disk.h"

namespace axs::live {

/// The files of bulk transfers for an event loop that must not wait for the disk: a thread of its
/// own does one thing after the other. Every member function may be called from one thread, the
/// loop's.
class TransferFiles {
 public:
  static Result<std::unique_ptr<TransferFiles>> start(TransferDisk::Config config);
  /// What is not done is left: as a kill would.
  ~TransferFiles();

  /// `bytes`: those of a piece to be kept.
  void want(TransferWork work, ByteVector bytes = {});
  /// Readable when take() has something.
  int fd() const { return event_.get(); }
  /// What has been answered since, in order; makes fd() unreadable.
  std::vector<TransferAnswer> take();

 private:
  TransferFiles(TransferDisk::Config config, host::Fd event);
  void run();

  std::atomic<bool> stopping_ = false;
  TransferDisk disk_;  ///< The thread's alone.
  host::Fd event_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::pair<TransferWork, ByteVector>> queue_;
  std::vector<TransferAnswer> answers_;
  std::thread thread_;
};

}  // namespace axs::live
