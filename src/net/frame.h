#pragma once

#include <compare>
#include <cstdint>
#include <variant>
#include <vector>

#include "axs/core/wire.h"
#include "axs/net/repair_code.h"

/// What two agents say to each other inside sealed packets. The format is that of core/wire.h; the
/// bytes of the DataFrames and RepairFrames follow the packet's record, in the order of the frames.
namespace axs::net {

/// One way to reach the peer: a direct fibre, a satellite, a third site. Both ends of a pair use
/// the same numbers.
struct PathId {
  std::uint8_t value{};
  constexpr auto operator<=>(const PathId&) const = default;
};

/// control: strict priority, small. gradient, bulk: share what is left by weight.
enum class TrafficClass : std::uint8_t { control, gradient, bulk };
inline constexpr std::size_t traffic_class_count = 3;

/// Asks for an acknowledgement and carries nothing.
struct PingFrame {
  auto operator<=>(const PingFrame&) const = default;
};

/// A piece of a message. `number` counts the messages of one class between two incarnations of the
/// two agents, without a gap; `message` is the sender's name for it.
struct DataFrame {
  TrafficClass traffic{};
  std::uint64_t message{};
  std::uint64_t number{};
  std::uint32_t total{};
  std::uint32_t offset{};
  std::uint16_t length{};
  auto operator<=>(const DataFrame&) const = default;
};

/// Packet numbers first..last, both included.
struct PacketRange {
  std::uint64_t first{};
  std::uint64_t last{};
  auto operator<=>(const PacketRange&) const = default;
};

/// Packets that arrived over `path`, newest range first. `delay_us`: how long ago the newest of
/// them arrived. `arrival_us`: when it arrived, since an instant of the receiver's choice: only the
/// difference of two of them means something to the sender.
struct AckFrame {
  PathId path;
  std::uint32_t delay_us{};
  std::uint64_t arrival_us{};
  std::vector<PacketRange> ranges;
  auto operator<=>(const AckFrame&) const = default;
};

/// The sender gave the message up; what has arrived of it is of no use.
struct CancelFrame {
  TrafficClass traffic{};
  std::uint64_t number{};
  auto operator<=>(const CancelFrame&) const = default;
};

/// Repair `index` of a block of a message that has been sent as a whole: as many bytes as a symbol
/// of the block has.
struct RepairFrame {
  TrafficClass traffic{};
  std::uint64_t message{};
  std::uint64_t number{};
  RepairBlock block;
  std::uint8_t index{};
  auto operator<=>(const RepairFrame&) const = default;
};

using Frame = std::variant<PingFrame, DataFrame, AckFrame, CancelFrame, RepairFrame>;

/// `from` and `to` are incarnations: numbers that grow with every start of an agent, from 1 on.
/// `to` is 0 while the sender does not know its peer's. `number` counts the packets of one path.
struct Packet {
  std::uint32_t from{};
  std::uint32_t to{};
  PathId path;
  std::uint64_t number{};
  std::vector<Frame> frames;
};

inline constexpr std::uint32_t packet_overhead = 4 + 4 + 1 + 8 + 4;
inline constexpr std::uint32_t ping_size = 1;
inline constexpr std::uint32_t data_overhead = 1 + 1 + 8 + 8 + 4 + 4 + 2;
inline constexpr std::uint32_t repair_overhead = 1 + 1 + 8 + 8 + 8 + 1;
/// So a repair of pieces that filled packets fits a packet.
static_assert(repair_overhead <= data_overhead);
inline constexpr std::uint32_t cancel_size = 1 + 1 + 8;
inline constexpr std::uint32_t ack_overhead = 1 + 1 + 4 + 8 + 4;
inline constexpr std::uint32_t ack_range_size = 16;
inline constexpr std::size_t max_ack_ranges = 32;

/// How many bytes behind the packet's record belong to `frame`.
inline std::uint32_t payload_size(const Frame& frame) {
  if (const auto* data = std::get_if<DataFrame>(&frame)) return data->length;
  if (const auto* repair = std::get_if<RepairFrame>(&frame)) return repair->block.length;
  return 0;
}

/// Where, behind the packet's record, the payload of frame number `frame` begins.
inline std::size_t payload_offset(const Packet& packet, std::size_t frame) {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < frame; ++i) offset += payload_size(packet.frames[i]);
  return offset;
}

/// The bytes of `frame` in a packet, its payload included; known without encoding it.
inline std::uint32_t wire_size(const Frame& frame) {
  if (std::holds_alternative<DataFrame>(frame)) return data_overhead + payload_size(frame);
  if (std::holds_alternative<RepairFrame>(frame)) return repair_overhead + payload_size(frame);
  if (const auto* ack = std::get_if<AckFrame>(&frame))
    return ack_overhead + ack_range_size * static_cast<std::uint32_t>(ack->ranges.size());
  return std::holds_alternative<CancelFrame>(frame) ? cancel_size : ping_size;
}

/// The bytes of the packet with the payloads of its frames.
inline std::uint32_t wire_size(const Packet& packet) {
  std::uint32_t size = packet_overhead;
  for (const auto& frame : packet.frames) size += wire_size(frame);
  return size;
}

}  // namespace axs::net
