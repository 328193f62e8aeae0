#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/wire.h"
#include "axs/host/fd.h"
#include "axs/host/lock.h"

namespace axs::learn {

/// A worker's saved state: two files in a folder, written in turn, so that the last whole state is
/// never touched. What save() has written survives the death of the process at any moment; nothing
/// is synced, so a power cut may damage it, which load() finds out by a checksum.
class StateSlots {
 public:
  /// Makes the folder if it is missing and holds it for this process. Errc::unavailable if another
  /// one does.
  static Result<StateSlots> open(const std::string& folder);

  /// The newest state that is whole, or nothing if none was ever saved. Errc::corrupt if states
  /// were saved and none of them is whole any more: starting afresh would break what the others
  /// were told.
  Result<std::optional<ByteVector>> load();

  /// As load(), but all states that are whole: the newest two that were saved, newest first.
  Result<std::vector<ByteVector>> load_all();

  /// Saves the parts, one after the other, as the newest state; after load(). An error (a full
  /// disk) leaves the newest state that was there.
  Result<> save(std::span<const ByteView> parts);

 private:
  /// At the start of each file; the state follows.
  struct Header {
    /// The last character is the version, of this header and of what workers save. A capture that
    /// is made again has the hash it had: the version also counts what the encoder makes of values.
    std::array<char, 8> magic{'A', 'X', 'S', 'W', 'O', 'R', 'K', '4'};
    std::uint64_t sequence{};  ///< The newest state has the highest.
    std::uint64_t size{};
    std::uint32_t crc{};       ///< CRC-32C of the state.
    std::uint32_t complete{};  ///< 1 once all of the state is written.
  };
  struct Slot {
    std::string path;
    host::Fd file;
    Header header;
  };

  StateSlots(host::FileLock lock, std::array<Slot, 2> slots)
      : lock_{std::move(lock)}, slots_{std::move(slots)} {}
  std::size_t newer() const;
  static Result<Slot> open_slot(const std::string& path);
  static Result<> write_header(const Slot& slot);
  static Result<std::optional<ByteVector>> read(const Slot& slot);

  host::FileLock lock_;
  std::array<Slot, 2> slots_;
  std::optional<std::size_t> newest_;  ///< The slot that must not be touched, once that is known.
};

}  // namespace axs::learn
