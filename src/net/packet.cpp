#include "axs/net/packet.h"

#include <bit>
#include <cstring>

#include "axs/core/crypto.h"

namespace axs::net {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t hops_taken_at = 0, type_at = 1, relay_count_at = 2, epoch_at = 3;
constexpr std::size_t source_at = 4, destination_at = 8, session_at = 12, number_at = 16;

template <class T>
void store(std::uint8_t* at, T value) {
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(at, &value, sizeof value);
}

template <class T>
T load(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::uint8_t type_byte(PacketType type) {
  return static_cast<std::uint8_t>(version << 4 | static_cast<std::uint8_t>(type));
}

/// Whether the sizes and counts of the fixed part hold together.
bool well_formed(ByteView packet) {
  if (packet.size() < OuterHeader::fixed_size) return false;
  const std::uint8_t type = packet[type_at], relays = packet[relay_count_at];
  if (type < type_byte(PacketType::handshake) || type > type_byte(PacketType::meeting))
    return false;
  if (relays > RelayLinks::max || packet[hops_taken_at] > relays) return false;
  const std::size_t tag = type == type_byte(PacketType::sealed) ? Aead::tag_size : 0;
  return packet.size() >= OuterHeader::fixed_size + 4 * std::size_t{relays} + tag;
}

LinkId relay_at(ByteView packet, std::size_t index) {
  return {load<std::uint32_t>(packet.data() + OuterHeader::fixed_size + 4 * index)};
}

}  // namespace

void write_outer_header(const OuterHeader& header, std::span<std::uint8_t> packet) {
  AXS_ASSERT(header.relays.count <= RelayLinks::max && header.hops_taken <= header.relays.count);
  AXS_ASSERT(packet.size() >= header.size());
  std::uint8_t* out = packet.data();
  out[hops_taken_at] = header.hops_taken;
  out[type_at] = type_byte(header.type);
  out[relay_count_at] = header.relays.count;
  out[epoch_at] = header.epoch;
  store(out + source_at, header.source.value);
  store(out + destination_at, header.destination.value);
  store(out + session_at, header.session);
  store(out + number_at, header.number);
  for (std::size_t i = 0; i < header.relays.count; ++i)
    store(out + OuterHeader::fixed_size + 4 * i, header.relays.links[i].value);
}

std::optional<OuterPacket> parse_packet(ByteView packet) {
  if (!well_formed(packet)) return std::nullopt;
  const std::uint8_t* in = packet.data();
  OuterHeader header{.hops_taken = in[hops_taken_at],
                     .type = static_cast<PacketType>(in[type_at] & 15),
                     .epoch = in[epoch_at],
                     .source = {load<std::uint32_t>(in + source_at)},
                     .destination = {load<std::uint32_t>(in + destination_at)},
                     .session = load<std::uint32_t>(in + session_at),
                     .number = load<std::uint64_t>(in + number_at),
                     .relays = {.links = {}, .count = in[relay_count_at]}};
  for (std::size_t i = 0; i < header.relays.count; ++i)
    header.relays.links[i] = relay_at(packet, i);
  return OuterPacket{header, packet.subspan(1, header.size() - 1), packet.subspan(header.size())};
}

std::optional<LinkId> advance_relay(std::span<std::uint8_t> packet) {
  if (!well_formed(packet) || packet[hops_taken_at] == packet[relay_count_at]) return std::nullopt;
  return relay_at(packet, packet[hops_taken_at]++);
}

}  // namespace axs::net
