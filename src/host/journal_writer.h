#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "axs/host/journal.h"

namespace axs::host {

/// Appends to a journal from an event loop that must not wait for the disk. A thread of its own
/// writes and syncs whatever has gathered, so that one sync serves many records (group commit).
/// Every member function may be called from one thread, the loop's.
class JournalWriter {
 public:
  /// Takes over the journal. At most `backlog_max` bytes wait for the disk.
  static Result<std::unique_ptr<JournalWriter>> start(Journal journal, std::size_t backlog_max);
  /// Writes and syncs what is left.
  ~JournalWriter();

  /// Hands over one record and returns its sequence; it is durable once progress() says so.
  /// Errc::exhausted if the backlog is full, Errc::invalid if no journal takes it; the error that
  /// stopped the writer if one did.
  Result<std::uint64_t> append(ByteVector payload);
  /// Has the segments removed of which every record is below `sequence`, a checkpoint having made
  /// them superfluous.
  void truncate_before(std::uint64_t sequence);

  /// Readable when progress() has something new to say.
  int fd() const { return event_.get(); }

  struct Progress {
    std::uint64_t durable_end;     ///< The records below this sequence are on the disk.
    std::optional<Error> failure;  ///< Why no further record will ever be durable, if so.
  };
  /// What has happened so far; makes fd() unreadable.
  Progress progress();

 private:
  JournalWriter(Journal journal, Fd event, std::size_t backlog_max);

  void run();
  bool wait_for_work(std::unique_lock<std::mutex>& lock);
  void write_batch(std::unique_lock<std::mutex>& lock);

  Journal journal_;  ///< The thread's alone once it runs, save what never changes.
  Fd event_;
  std::size_t backlog_max_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<ByteVector> queue_;
  std::size_t backlog_ = 0;  ///< Bytes in queue_ and in the batch being written.
  std::uint64_t next_;
  std::uint64_t trim_ = 0;
  std::uint64_t trimmed_ = 0;
  Progress progress_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace axs::host
