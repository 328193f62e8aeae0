#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "axs/core/assert.h"
#include "axs/core/wire.h"

/// IP packets as a TUN device with offloads hands them over: TCP in pieces of up to 64 KiB, and
/// checksums that are not complete. Here they are cut into packets of the path's size, and put
/// together again at the other end, as a network card does it (TSO and GRO).
namespace axs::net {

/// What stands before each packet of such a device (struct virtio_net_hdr, VIRTIO 1.2 section
/// 5.1.6).
struct OffloadHeader {
  static constexpr std::size_t size = 10;
  std::uint8_t flags{};     ///< Bit 0: the checksum is that of the pseudo header only.
  std::uint8_t gso_type{};  ///< 0: one packet, 1: TCP over IPv4. Bit 7: with congestion marks.
  std::uint16_t header_length{};
  std::uint16_t segment{};  ///< Bytes of TCP payload in each packet.
  std::uint16_t checksum_start{};
  std::uint16_t checksum_offset{};
};
OffloadHeader read_offload_header(ByteView bytes);
void write_offload_header(const OffloadHeader& header, std::span<std::uint8_t> bytes);

/// A packet for the wire: its bytes are `head`, then `payload`. `partial`: the checksum of its TCP
/// or UDP header is that of the pseudo header only, for the seal protects it better; the other end
/// tells its kernel so.
struct CutPacket {
  ByteView head;
  ByteView payload;
  bool partial{};
};

/// Cuts what a TUN device gave, header and packet, into packets for the wire.
class PacketCutter {
 public:
  /// Calls `put(CutPacket)` for each; its views hold until the next. False if these bytes make no
  /// sense: nothing was put.
  template <class Put>
  bool cut(std::span<std::uint8_t> bytes, const Put& put) {
    if (!begin(bytes)) return false;
    do put(next());
    while (!rest_.empty());
    return true;
  }

 private:
  bool begin(std::span<std::uint8_t> bytes);
  bool begin_single(const OffloadHeader& header, std::span<std::uint8_t> packet);
  bool begin_train(const OffloadHeader& header, std::span<std::uint8_t> packet);
  CutPacket next();

  std::array<std::uint8_t, 120> head_{};  ///< Of the next packet, but for its flags and sizes.
  std::array<std::uint8_t, 120> out_{};   ///< Of the one that was handed out.
  std::size_t head_size_ = 0;
  ByteView rest_;
  std::size_t segment_ = 0;
  std::size_t number_ = 0;
  bool single_ = false, partial_ = false;
};

/// Puts packets that follow each other in one TCP connection together, as far as they come in
/// order, for a TUN device to take them as one.
class PacketJoiner {
 public:
  static constexpr std::size_t packets_max = 64, bytes_max = 65'535;

  /// Takes a packet from the wire, which must stay where it is until the next flush(). Calls
  /// `put(std::span<const ByteView>)` with the parts of what is complete. Packets that make no
  /// sense are dropped: the answer is false.
  template <class Put>
  bool add(ByteView packet, bool partial, const Put& put) {
    if (joins(packet, partial)) {
      join(packet);
      return true;
    }
    flush(put);
    return start(packet, partial);
  }
  template <class Put>
  void flush(const Put& put) {
    if (!parts_.empty()) put(finish());
  }

 private:
  bool joins(ByteView packet, bool partial) const;
  void join(ByteView packet);
  bool start(ByteView packet, bool partial);
  std::span<const ByteView> finish();

  std::array<std::uint8_t, OffloadHeader::size + 120> head_{};
  std::size_t head_size_ = 0;       ///< Of IP and TCP.
  std::vector<ByteView> parts_;     ///< The first is `head_`.
  std::vector<ByteView> finished_;  ///< What was handed out last.
  std::size_t payload_ = 0, segment_ = 0;
  std::uint32_t next_sequence_ = 0;
  bool open_ = false;  ///< More may follow.
};

/// The Internet checksum's sum over `bytes`, not complemented, added to `sum` (RFC 1071).
std::uint32_t checksum_add(ByteView bytes, std::uint32_t sum);
std::uint16_t checksum_fold(std::uint32_t sum);

}  // namespace axs::net
