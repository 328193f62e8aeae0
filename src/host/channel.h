#pragma once

#include <memory>
#include <optional>
#include <span>

#include "axs/core/wire.h"
#include "axs/host/ring.h"

namespace axs::host {

/// One end of a two-way channel between two processes on one machine: sends `Out`, receives `In`,
/// both plain structs (or variants of them) in the wire form of core/wire.h, each with a blob of
/// bytes (a tensor) that never goes through the encoder. The other end is a Channel<In, Out>.
///
/// A message in the ring: size of the record u64, record, padding to 8, blob.
template <class Out, class In>
class Channel {
 public:
  struct Received {
    In message;
    ByteView blob;  ///< Aligned to 8 and in the ring itself until release().
  };

  Channel(RingWriter writer, RingReader reader)
      : writer_{std::move(writer)}, reader_{std::move(reader)} {}

  /// Maps both rings; the other end gets the same descriptors with `out` and `in` exchanged.
  static Result<Channel> open(RingFds out, RingFds in) {
    auto out_memory = AXS_TRY(RingMemory::map(std::move(out)));
    auto in_memory = AXS_TRY(RingMemory::map(std::move(in)));
    return Channel{RingWriter{std::move(out_memory)}, RingReader{std::move(in_memory)}};
  }

  /// Sends a message and a copy of `blob`; false if there is no room now. Errc::invalid if it never
  /// fits, Errc::corrupt if the peer has broken the ring.
  Result<bool> send(const Out& message, ByteView blob = {}) {
    const auto room = AXS_TRY(reserve(message, blob.size()));
    if (!room) return false;
    std::copy(blob.begin(), blob.end(), room->begin());
    commit();
    return true;
  }

  /// As send(), but returns the place of the blob, for the caller to fill before commit().
  Result<std::optional<std::span<std::uint8_t>>> reserve(const Out& message,
                                                         std::size_t blob_size) {
    const std::size_t size = AXS_TRY(encode(message, blob_size));
    const auto room = AXS_TRY(writer_.reserve(size));
    if (!room) return std::optional<std::span<std::uint8_t>>{};
    std::copy(record_.begin(), record_.end(), room->begin());
    reserved_ = size;
    return std::optional{room->last(blob_size)};
  }
  /// Publishes what reserve() prepared.
  void commit() { writer_.commit(reserved_); }

  /// The oldest message, or nothing. Errc::corrupt if it is malformed (it is then dropped) or if
  /// the peer has broken the ring (for good).
  Result<std::optional<Received>> receive() {
    const auto data = AXS_TRY(reader_.peek());
    if (!data) return std::optional<Received>{};
    WireReader reader{*data};
    std::uint64_t size;
    reader.get(size);
    const ByteView record = reader.bytes(size);
    reader.bytes(padding(size));
    auto message = from_wire<In>(record, "channel");
    if (!reader.ok() || !message) {
      release();
      return Error{Errc::corrupt, "channel: malformed message"};
    }
    return std::optional{Received{*std::move(message), reader.bytes(reader.remaining())}};
  }
  /// Gives up the message that receive() returned, and its blob.
  void release() { reader_.consume(); }

  /// The ends, for waiting: RingReader::sleep_until_message() and RingWriter::sleep_until_free().
  RingReader& reader() { return reader_; }
  RingWriter& writer() { return writer_; }
  /// How much must be free for this message, for sleep_until_free(). Errc::invalid if it never is.
  Result<std::size_t> size_of(const Out& message, std::size_t blob_size) {
    return encode(message, blob_size);
  }

 private:
  static std::size_t padding(std::uint64_t size) { return (8 - size % 8) % 8; }

  /// Leaves the message without its blob in record_ and returns its size with it.
  Result<std::size_t> encode(const Out& message, std::size_t blob_size) {
    record_.assign(sizeof(std::uint64_t), 0);
    WireWriter{record_}.put(message);
    const std::uint64_t size = record_.size() - sizeof size;
    std::memcpy(record_.data(), &size, sizeof size);
    record_.resize(record_.size() + padding(size));
    const std::size_t whole = record_.size() + blob_size;
    if (whole > writer_.message_size_max())
      return Error{Errc::invalid, "channel: message of " + std::to_string(whole) +
                                      " bytes, want at most " +
                                      std::to_string(writer_.message_size_max())};
    return whole;
  }

  RingWriter writer_;
  RingReader reader_;
  ByteVector record_;
  std::size_t reserved_ = 0;
};

}  // namespace axs::host
