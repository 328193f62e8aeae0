#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "axs/core/wire.h"
#include "axs/host/fd.h"

/// Messages from one process to another without a system call: a ring of bytes in shared memory
/// with one writer and one reader.
///
/// Neither side trusts the other. Each keeps its own position in private memory, reads the other's
/// and every length exactly once, and checks them before use; the memory is sealed so that nobody
/// can shrink it. A peer that dies or misbehaves can leave the ring silent or broken (an error),
/// never make us read or write outside of it. Whether the peer lives is a question for its pidfd
/// (process.h).
namespace axs::host {

/// What names a ring: hand duplicates of all three to the other side, by inheritance or send_fds().
struct RingFds {
  Fd memory;  ///< A sealed memfd.
  Fd data;    ///< The eventfd that wakes the reader.
  Fd space;   ///< The eventfd that wakes the writer.
};

/// A new ring for `capacity` bytes of messages, each with 8 bytes of header and padded to 8;
/// rounded up to a whole number of pages.
Result<RingFds> make_ring(std::size_t capacity);

/// "3,4,5" for a command line, when the descriptors are inherited under their numbers.
std::string format_ring_fds(const RingFds& fds);
Result<RingFds> parse_ring_fds(std::string_view text);

/// One mapping of a ring. The data appears twice, back to back, so that no message is ever split.
class RingMemory {
 public:
  struct Header;

  static Result<std::shared_ptr<RingMemory>> map(RingFds fds);
  RingMemory(const RingMemory&) = delete;
  ~RingMemory();

  Header& header() { return *header_; }
  /// The byte at stream position `at`; the `capacity` bytes from there on may be used.
  std::uint8_t* data(std::uint64_t at) { return data_ + at % capacity_; }
  std::size_t capacity() const { return capacity_; }
  const RingFds& fds() const { return fds_; }

 private:
  RingMemory(RingFds fds, void* base, std::size_t capacity);

  RingFds fds_;
  void* base_;
  Header* header_;
  std::uint8_t* data_;
  std::size_t capacity_;
};

/// The sending end; one thread at a time.
class RingWriter {
 public:
  /// Goes on where the last writer committed; what it had only reserved is lost.
  explicit RingWriter(std::shared_ptr<RingMemory> memory);

  /// The largest message that ever fits.
  std::size_t message_size_max() const;
  /// Room for a message of `size` bytes, aligned to 8, or nothing if the ring is too full now.
  /// Errc::corrupt if the reader has broken the ring. size <= message_size_max().
  Result<std::optional<std::span<std::uint8_t>>> reserve(std::size_t size);
  /// Publishes the first `size` bytes of what was reserved last.
  void commit(std::size_t size);

  /// Asks to be woken through fd() when a message of `size` bytes fits. False if it fits already:
  /// then reserve it instead of waiting.
  bool sleep_until_free(std::size_t size);
  /// Readable after the reader has made the room that sleep_until_free() asked for; perhaps also
  /// without.
  int fd() const { return memory_->fds().space.get(); }

 private:
  bool fits(std::size_t size);

  std::shared_ptr<RingMemory> memory_;
  std::uint64_t written_;  ///< Stream position; the shared one is for the reader only.
  std::uint64_t
      read_seen_;  ///< The reader's position when last looked at, which costs a cache miss.
  std::size_t reserved_ = 0;
  bool broken_ = false;
};

/// The receiving end; one thread at a time.
class RingReader {
 public:
  /// Goes on where the last reader consumed.
  explicit RingReader(std::shared_ptr<RingMemory> memory);

  /// The oldest message, or nothing if there is none. It is borrowed from the ring until consume(),
  /// and a hostile writer may still change it meanwhile: read each value once. Errc::corrupt if the
  /// writer has broken the ring.
  Result<std::optional<ByteView>> peek();
  /// Gives the room of the message that peek() returned back to the writer.
  void consume();

  /// Asks to be woken through fd() by the next message. False if there is one already.
  bool sleep_until_message();
  /// Readable after a message that sleep_until_message() asked for has come; perhaps also without.
  int fd() const { return memory_->fds().data.get(); }

 private:
  std::shared_ptr<RingMemory> memory_;
  std::uint64_t read_;          ///< Stream position; the shared one is for the writer only.
  std::uint64_t written_seen_;  ///< The writer's position when last looked at.
  std::size_t peeked_ = 0;
  bool broken_ = false;
};

/// Waits until `fd` is readable; false if `peer`, a pidfd or -1 for none, has ended first. For
/// threads without an event loop.
bool wait_readable(int fd, int peer);

}  // namespace axs::host
