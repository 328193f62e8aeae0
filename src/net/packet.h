#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "axs/core/id.h"
#include "axs/core/wire.h"

/// The packet that agents send each other over the underlay. Everything before the payload is
/// readable by a relay and by anyone on the wire; docs/design/004-tunnel.md says what that gives
/// away.
///
///     byte 0      how many relays have forwarded the packet (the only byte that a relay changes)
///          1      version (high half) and type (low half)
///          2      how many relay links follow the fixed part
///          3      key epoch, its low byte
///          4..7   source site          8..11  destination site
///          12..15 session              16..23 packet number
///          24..   4 bytes per relay link, then the payload, in a sealed packet followed by its tag
///
/// All numbers are little-endian.
namespace axs::net {

/// handshake: a HandshakeSegment in the clear. sealed: ciphertext and tag under the session's keys.
/// enrolment: a HandshakeSegment too, of the conversation by which an agent gets its certificate.
/// meeting: a MeetingMessage in the clear.
enum class PacketType : std::uint8_t { handshake, sealed, enrolment, meeting };

/// The links that the relays are to send over, in order; the source chooses the first link itself
/// and does not write it down. A direct packet has none.
struct RelayLinks {
  static constexpr std::size_t max = 3;
  std::array<LinkId, max> links{};
  std::uint8_t count{};
  auto operator<=>(const RelayLinks&) const = default;
};

/// From where to where a packet goes.
struct Envelope {
  SiteId source{};
  SiteId destination{};
  RelayLinks relays{};
};

/// The part of the packet that is not encrypted. In a sealed packet all of it but `hops_taken` is
/// authenticated.
struct OuterHeader {
  std::uint8_t hops_taken{};
  PacketType type{};
  std::uint8_t epoch{};
  SiteId source{};
  SiteId destination{};
  std::uint32_t session{};
  std::uint64_t number{};
  RelayLinks relays{};
  auto operator<=>(const OuterHeader&) const = default;

  static constexpr std::size_t fixed_size = 24;
  std::size_t size() const { return fixed_size + 4 * std::size_t{relays.count}; }
};

/// The bytes that a packet adds to its payload at most; an agent subtracts them from the MTU.
inline constexpr std::size_t max_packet_overhead =
    OuterHeader::fixed_size + 4 * RelayLinks::max + 16;

/// A packet taken apart; the views point into the packet.
struct OuterPacket {
  OuterHeader header;
  ByteView associated;  ///< What authenticates the header: all of it but its first byte.
  ByteView payload;     ///< In a sealed packet the ciphertext and its tag.
};

/// Writes the header at the start of `packet`, which must hold header.size() bytes.
void write_outer_header(const OuterHeader& header, std::span<std::uint8_t> packet);

/// The packet's parts, or nothing if these bytes are no packet of this version. Any input is safe.
std::optional<OuterPacket> parse_packet(ByteView packet);

/// For a relay: counts this hop in the packet and says over which link to send it on. Nothing if
/// the bytes are no packet, or one without a relay left to pass: it is for this site, or lost.
std::optional<LinkId> advance_relay(std::span<std::uint8_t> packet);

}  // namespace axs::net
