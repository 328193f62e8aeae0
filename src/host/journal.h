#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "axs/core/wire.h"
#include "axs/host/fd.h"

namespace axs::host {

struct JournalOptions {
  /// A new segment is begun when the current one has reached this size; trimming frees whole
  /// segments.
  std::size_t segment_size = 64 << 20;
  /// The largest payload that append() takes.
  std::size_t record_size_max = 16 << 20;
};

/// An append-only log of records in a folder of segments (journal_format.h), numbered 0, 1, 2 ...
/// What was synced before a crash is there after it; what was not synced is there up to some
/// record, never with a gap. One process at a time (lock.h). Not thread-safe.
class Journal {
 public:
  /// Receives each record in order; an error that it returns ends open().
  using Replay = std::function<Result<>(std::uint64_t sequence, ByteView payload)>;

  /// Opens the journal, made if it is not there, and replays every whole record. A tail that was
  /// torn by a crash is cut off. A record damaged after it was durable is Errc::corrupt and names
  /// file and offset, unless it is among the last to be synced, where nothing tells it from a torn
  /// one.
  static Result<Journal> open(const std::string& folder, JournalOptions options,
                              const Replay& replay);

  /// Writes the records, in one call to the system, and returns the sequence of the first. They
  /// survive this process, but the machine only after sync(). On error none of them is in the
  /// journal, and the next append may succeed.
  Result<std::uint64_t> append(std::span<const ByteVector> payloads);
  Result<std::uint64_t> append(const ByteVector& payload) { return append(std::span{&payload, 1}); }

  /// Returns when all that was appended is on the disk. After an error nobody knows what the
  /// system kept, so every later append and sync fails too; open the journal again.
  Result<> sync();

  /// Removes the segments of which every record is below `sequence`; the newest always stays.
  Result<> truncate_before(std::uint64_t sequence);

  std::size_t record_size_max() const { return options_.record_size_max; }
  /// The sequence of the oldest record that is still there, and of the next to be appended.
  std::uint64_t first_sequence() const { return segments_.begin()->first; }
  std::uint64_t next_sequence() const { return next_; }
  /// The records below this sequence are on the disk.
  std::uint64_t durable_end() const { return durable_; }

 private:
  Journal(std::string folder, JournalOptions options)
      : folder_{std::move(folder)}, options_{options} {}

  Result<> find_segments();
  Result<> replay_segment(std::uint64_t first, const Replay& replay);
  Result<> cut_tail(const std::string& path, ByteView rest, std::size_t offset);
  Result<> open_newest();
  Result<> rotate();
  Result<> begin_segment();
  Result<> fail(Error error);
  std::string path_of(std::uint64_t first) const;

  std::string folder_;
  JournalOptions options_;
  std::map<std::uint64_t, std::size_t> segments_;  ///< First sequence to size in bytes.
  Fd file_;                                        ///< The newest segment, for appending.
  std::uint64_t next_ = 0;
  std::uint64_t durable_ = 0;
  ByteVector buffer_;
  std::optional<Error> failed_;
};

}  // namespace axs::host
