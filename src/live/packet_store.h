#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace axs::live {

/// The bytes of the packets in flight in one direction: a ring, so that a packet is stored by one
/// copy and the memory in use is what the packets need. The kernel backs it page by page as it is
/// first touched, and an empty store starts over at its beginning, so a quiet link stays small.
class PacketStore {
 public:
  using Token = std::uint64_t;  ///< Names a stored packet.

  /// Holds up to about `capacity` bytes, headers of 8 bytes per packet included.
  explicit PacketStore(std::size_t capacity);
  ~PacketStore();
  PacketStore(PacketStore&& other) noexcept;
  PacketStore(const PacketStore&) = delete;
  PacketStore& operator=(PacketStore&&) = delete;
  PacketStore& operator=(const PacketStore&) = delete;

  /// Copies `packet` into the ring; false if there is no room, and then nothing changed.
  bool put(std::span<const std::uint8_t> packet, Token& token);
  std::span<std::uint8_t> get(Token token);
  /// In any order; the room becomes free at once for the newest packet, else when everything older
  /// has been released too.
  void release(Token token);

  std::size_t capacity() const { return capacity_; }
  std::size_t used() const { return used_; }

 private:
  struct Header {
    std::uint32_t size;  ///< Of the payload.
    std::uint32_t live;  ///< 0: released, or filler at the end of the ring.
  };
  Header& header(std::size_t offset);
  void write_header(Header value);

  std::uint8_t* memory_;
  std::size_t capacity_;
  std::size_t head_{};  ///< Where the next packet goes.
  std::size_t tail_{};  ///< The oldest packet.
  std::size_t used_{};
};

}  // namespace axs::live
