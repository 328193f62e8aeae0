#include "axs/net/offload.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <deque>

#include "axs/core/rng.h"

namespace axs::net {
namespace {

constexpr std::size_t before = OffloadHeader::size;
constexpr std::uint8_t fin = 1, psh = 8, ack = 16, cwr = 128;

void put16(ByteVector& bytes, std::size_t at, std::size_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}
std::size_t get16(ByteView bytes, std::size_t at) {
  return std::size_t{bytes[at]} << 8 | bytes[at + 1];
}

/// What a TCP packet is made of.
struct Shape {
  std::size_t payload = 5000;
  std::size_t segment = 1388;
  std::uint8_t flags = ack;
  std::uint32_t sequence = 1'000'000;
  std::uint8_t port = 80;
};

std::uint16_t pseudo_sum(ByteView packet) {
  return checksum_fold(
      checksum_add(packet.subspan(12, 8), static_cast<std::uint32_t>(6 + packet.size() - 20)));
}

/// As a TUN device with offloads gives it: header and packet, with 12 bytes of TCP options.
ByteVector large_packet(const Shape& shape) {
  constexpr std::size_t head = 52;
  ByteVector bytes(before + head + shape.payload);
  Rng rng{shape.payload + shape.sequence};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.below(256));
  const bool large = shape.payload > shape.segment;
  write_offload_header({.flags = 1,
                        .gso_type = static_cast<std::uint8_t>(large ? 1 : 0),
                        .header_length = static_cast<std::uint16_t>(large ? head : 0),
                        .segment = static_cast<std::uint16_t>(large ? shape.segment : 0),
                        .checksum_start = 20,
                        .checksum_offset = 16},
                       bytes);
  ByteVector packet{bytes.begin() + before, bytes.end()};
  packet[0] = 0x45;
  packet[1] = 0;
  put16(packet, 2, packet.size());
  put16(packet, 6, 0x4000);
  packet[9] = 6;
  put16(packet, 10, 0);
  put16(packet, 10, 0xffffu ^ checksum_fold(checksum_add(ByteView{packet}.first(20), 0)));
  packet[23] = shape.port;
  put16(packet, 24, shape.sequence >> 16);
  put16(packet, 26, shape.sequence & 0xffff);
  packet[32] = 0x80;
  packet[33] = shape.flags;
  put16(packet, 36, pseudo_sum(packet));
  std::copy(packet.begin(), packet.end(), bytes.begin() + before);
  return bytes;
}

struct WirePacket {
  ByteVector bytes;
  bool partial{};
};

std::vector<WirePacket> cut(ByteVector bytes) {
  std::vector<WirePacket> packets;
  PacketCutter cutter;
  CHECK(cutter.cut(bytes, [&](const CutPacket& packet) {
    WirePacket one{{packet.head.begin(), packet.head.end()}, packet.partial};
    one.bytes.insert(one.bytes.end(), packet.payload.begin(), packet.payload.end());
    packets.push_back(std::move(one));
  }));
  return packets;
}

std::vector<ByteVector> join(const std::vector<WirePacket>& packets) {
  std::vector<ByteVector> joined;
  PacketJoiner joiner;
  const auto put = [&](std::span<const ByteView> parts) {
    ByteVector& one = joined.emplace_back();
    for (const ByteView part : parts) one.insert(one.end(), part.begin(), part.end());
  };
  for (const auto& packet : packets) CHECK(joiner.add(packet.bytes, packet.partial, put));
  joiner.flush(put);
  return joined;
}

Shape any_shape() {
  return {.payload = *rc::gen::inRange<std::size_t>(1, 62'000),
          .segment = *rc::gen::inRange<std::size_t>(1'000, 9'000),
          .flags = *rc::gen::element(ack, std::uint8_t{ack | psh}, std::uint8_t{ack | fin | psh}),
          .sequence = *rc::gen::arbitrary<std::uint32_t>()};
}

TEST_CASE("every packet that is cut is a right TCP packet with its part of the bytes") {
  CHECK(rc::check([] {
    const Shape shape = any_shape();
    const ByteVector large = large_packet(shape);
    ByteVector payload;
    const auto packets = cut(large);
    for (std::size_t i = 0; i < packets.size(); ++i) {
      const ByteVector& packet = packets[i].bytes;
      const bool last = i + 1 == packets.size();
      RC_ASSERT(packets[i].partial);
      RC_ASSERT(packet.size() <=
                52 + std::max(shape.segment, std::min(shape.payload, shape.segment)));
      RC_ASSERT(get16(packet, 2) == packet.size());
      RC_ASSERT(checksum_fold(checksum_add(ByteView{packet}.first(20), 0)) == 0xffff);
      RC_ASSERT(get16(packet, 36) == pseudo_sum(packet));
      const std::uint32_t sequence =
          static_cast<std::uint32_t>(get16(packet, 24) << 16 | get16(packet, 26));
      RC_ASSERT(sequence == static_cast<std::uint32_t>(shape.sequence + payload.size()));
      RC_ASSERT(packet[33] == (last ? shape.flags : shape.flags & ~(fin | psh)));
      payload.insert(payload.end(), packet.begin() + 52, packet.end());
    }
    RC_ASSERT(payload == ByteVector(large.begin() + before + 52, large.end()));
  }));
}

TEST_CASE("what was cut is put together to the same") {
  CHECK(rc::check([] {
    const ByteVector large = large_packet(any_shape());
    const auto joined = join(cut(large));
    RC_ASSERT(joined.size() == 1);
    RC_ASSERT(joined[0] == large);
  }));
}

TEST_CASE("packets of different connections, out of order or with gaps are not joined") {
  const auto first = cut(large_packet({.payload = 2 * 1388})),
             other = cut(large_packet({.payload = 2 * 1388, .port = 81}));
  CHECK(join({first[0], first[1]}).size() == 1);
  CHECK(join({first[1], first[0]}).size() == 2);
  CHECK(join({first[0], other[1]}).size() == 2);
  CHECK(join({first[0], first[0]}).size() == 2);
  const auto three = cut(large_packet({.payload = 3 * 1388}));
  CHECK(join({three[0], three[2]}).size() == 2);
  auto other_window = first;
  other_window[1].bytes[34] ^= 1;
  CHECK(join(other_window).size() == 2);
}

TEST_CASE("a congestion mark stays with the first packet, the end of the stream with the last") {
  const auto packets = cut(large_packet({.payload = 3000, .flags = ack | cwr | fin}));
  REQUIRE(packets.size() == 3);
  CHECK((packets[0].bytes[33] & cwr) != 0);
  CHECK((packets[1].bytes[33] & (cwr | fin)) == 0);
  CHECK((packets[2].bytes[33] & (cwr | fin)) == fin);
}

TEST_CASE("what is no TCP over IPv4 passes as it is, its checksum made complete") {
  ByteVector bytes(before + 28 + 11, 7);
  write_offload_header({.flags = 1, .checksum_start = 20, .checksum_offset = 2}, bytes);
  bytes[before] = 0x45;
  put16(bytes, before + 6, 0);
  bytes[before + 9] = 1;  // ICMP.
  put16(bytes, before + 22, 0);
  const auto packets = cut(bytes);
  REQUIRE(packets.size() == 1);
  CHECK(!packets[0].partial);
  CHECK(checksum_fold(checksum_add(ByteView{packets[0].bytes}.subspan(20), 0)) == 0xffff);
  const auto joined = join(packets);
  REQUIRE(joined.size() == 1);
  CHECK(joined[0][0] == 0);
  CHECK(ByteVector(joined[0].begin() + before, joined[0].end()) == packets[0].bytes);
}

TEST_CASE("any bytes are safe") {
  CHECK(rc::check([] {
    auto bytes = *rc::gen::container<ByteVector>(*rc::gen::inRange<std::size_t>(0, 200),
                                                 rc::gen::arbitrary<std::uint8_t>());
    if (bytes.size() > before + 9 && *rc::gen::arbitrary<bool>()) {
      bytes[1] = 1;
      bytes[before] = 0x45;
      bytes[before + 9] = 6;
    }
    PacketCutter cutter;
    PacketJoiner joiner;
    const auto ignore = [](std::span<const ByteView>) {};
    std::deque<ByteVector> kept;
    cutter.cut(bytes, [&](const CutPacket& packet) {
      ByteVector& one = kept.emplace_back(packet.head.begin(), packet.head.end());
      one.insert(one.end(), packet.payload.begin(), packet.payload.end());
      joiner.add(one, packet.partial, ignore);
    });
    joiner.add(bytes, true, ignore);
    joiner.add(bytes, false, ignore);
    joiner.flush(ignore);
  }));
}

}  // namespace
}  // namespace axs::net
