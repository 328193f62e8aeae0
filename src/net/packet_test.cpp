#include "axs/net/packet.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/core/crypto.h"

using namespace axs;
using namespace axs::net;

namespace {

OuterHeader any_header() {
  OuterHeader header{.hops_taken = 0,
                     .type = *rc::gen::element(PacketType::handshake, PacketType::sealed,
                                               PacketType::enrolment, PacketType::meeting),
                     .epoch = *rc::gen::arbitrary<std::uint8_t>(),
                     .source = {*rc::gen::arbitrary<std::uint32_t>()},
                     .destination = {*rc::gen::arbitrary<std::uint32_t>()},
                     .session = *rc::gen::arbitrary<std::uint32_t>(),
                     .number = *rc::gen::arbitrary<std::uint64_t>(),
                     .relays = {.links = {}, .count = *rc::gen::inRange<std::uint8_t>(0, 4)}};
  for (std::size_t i = 0; i < header.relays.count; ++i)
    header.relays.links[i] = {*rc::gen::arbitrary<std::uint32_t>()};
  header.hops_taken = *rc::gen::inRange<std::uint8_t>(0, header.relays.count + 1);
  return header;
}

ByteVector packet_of(const OuterHeader& header, ByteView payload) {
  ByteVector packet(header.size());
  write_outer_header(header, packet);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

}  // namespace

TEST_CASE("packet: what was written is what is parsed") {
  CHECK(rc::check([] {
    const OuterHeader header = any_header();
    ByteVector payload = *rc::gen::arbitrary<ByteVector>();
    payload.resize(payload.size() + Aead::tag_size);
    const ByteVector packet = packet_of(header, payload);
    const auto parsed = parse_packet(packet);
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(parsed->header == header);
    RC_ASSERT(ByteVector(parsed->payload.begin(), parsed->payload.end()) == payload);
    RC_ASSERT(parsed->associated.data() == packet.data() + 1);
    RC_ASSERT(parsed->associated.size() == header.size() - 1);
  }));
}

TEST_CASE("packet: garbage and truncation are refused or parsed, never more") {
  CHECK(rc::check([] {
    ByteVector bytes = *rc::gen::arbitrary<ByteVector>();
    if (bytes.size() > 2 && *rc::gen::arbitrary<bool>()) bytes[1] = 0x11, bytes[2] &= 7;
    if (const auto parsed = parse_packet(bytes)) {
      RC_ASSERT(parsed->header.size() + parsed->payload.size() == bytes.size());
      RC_ASSERT(parsed->header.relays.count <= RelayLinks::max);
    }
    (void)advance_relay(bytes);
  }));
  const ByteVector whole =
      packet_of({.type = PacketType::sealed, .relays = {.links = {}, .count = 2}}, ByteVector(16));
  REQUIRE(parse_packet(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(parse_packet(ByteView{whole}.first(size)));
}

TEST_CASE("packet: another version, an unknown type and impossible hop counts are refused") {
  const ByteVector good = packet_of({.type = PacketType::handshake}, {});
  const auto refused = [&](std::size_t at, std::uint8_t value) {
    ByteVector packet = good;
    packet.resize(64);
    packet[at] = value;
    return !parse_packet(packet).has_value();
  };
  CHECK(parse_packet(good));
  CHECK(refused(1, 0x20));
  CHECK(refused(1, 0x14));
  CHECK_FALSE(refused(1, 0x12));
  CHECK(refused(2, 4));
  CHECK(refused(0, 1));
}

TEST_CASE("packet: relays take the links in order and change nothing else but the first byte") {
  const RelayLinks relays{.links = {LinkId{7}, LinkId{9}}, .count = 2};
  ByteVector packet = packet_of({.type = PacketType::sealed, .relays = relays}, ByteVector(20, 5));
  const ByteVector before = packet;
  CHECK(advance_relay(packet) == LinkId{7});
  CHECK(advance_relay(packet) == LinkId{9});
  CHECK_FALSE(advance_relay(packet));
  CHECK(packet[0] == 2);
  CHECK(ByteVector(packet.begin() + 1, packet.end()) ==
        ByteVector(before.begin() + 1, before.end()));
}
