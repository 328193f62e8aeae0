#pragma once

#include <cstdint>
#include <vector>

#include "axs/core/wire.h"

namespace axs::net {

/// A reliable ordered byte stream for one handshake: bytes carry offsets, the receiver says up to
/// which offset it has all, and all that is not so acknowledged can be sent again. It knows no
/// time; the tunnel says when. Handshake flights are below 10 KB, so there is no congestion window.
class HandshakeStream {
 public:
  /// Neither direction carries more; far above a TLS handshake with post-quantum certificates.
  static constexpr std::uint32_t limit = 64 * 1024;
  /// Data per segment: with every header it fits IPv6's least MTU of 1,280 bytes.
  static constexpr std::uint32_t segment_size = 1100;

  /// A piece of the outgoing stream; the view lives until the next write().
  struct Piece {
    std::uint32_t offset{};
    ByteView data;
  };

  /// Appends to the outgoing stream, at most `limit` bytes in all, and returns the new pieces.
  std::vector<Piece> write(ByteView data);
  /// All pieces that the peer has not acknowledged.
  std::vector<Piece> unacknowledged() const;
  bool all_acknowledged() const { return acknowledged_ == outgoing_.size(); }
  /// The peer has everything before `offset`. True if that is news; an impossible offset is not.
  bool acknowledge(std::uint32_t offset);

  /// Takes a piece of the incoming stream, in any order and any number of times, and returns the
  /// bytes that are now in order and were not before. What does not fit the limit is dropped.
  ByteVector receive(std::uint32_t offset, ByteView data);
  /// Everything before this offset has arrived.
  std::uint32_t received() const { return received_; }

 private:
  std::vector<Piece> pieces_from(std::size_t offset) const;

  ByteVector outgoing_;
  std::size_t acknowledged_ = 0;
  ByteVector incoming_;
  std::vector<bool> present_;  ///< Which bytes of incoming_ have arrived.
  std::uint32_t received_ = 0;
};

}  // namespace axs::net
