// What arrives in a datagram: the outer header, the relay's view of it, a handshake or enrolment
// segment, and a sealed packet under keys that the sender of the input does not have.
#include <algorithm>
#include <array>

#include "axs/net/seal.h"
#include "axs/net/tunnel.h"
#include "target.h"

namespace axs::fuzz {
namespace {

using namespace net;

constexpr Key256 secret{1, 2, 3};
constexpr std::size_t plain_size = 40;

Envelope envelope(std::uint8_t relays) {
  return {SiteId{0}, SiteId{1}, {.links = {LinkId{4}, LinkId{5}, LinkId{6}}, .count = relays}};
}

/// Sealed by the peer, the second half of them in its next epoch.
std::vector<ByteVector> genuine() {
  std::vector<ByteVector> packets;
  Sealer sealer{secret, net::Direction::client_to_server};
  for (std::uint8_t i = 0; i < 8; ++i) {
    if (i == 4) sealer.rekey();
    const ByteVector plain(plain_size, i);
    ByteVector& packet = packets.emplace_back(Sealer::packet_size(envelope(i % 4), plain.size()));
    AXS_ASSERT(sealer.seal(envelope(i % 4), plain, packet));
  }
  return packets;
}

const std::array mark_keys{handshake_key({7}), enrolment_key({7})};

std::vector<ByteVector> handshakes() {
  std::vector<ByteVector> all;
  HandshakeSegment segment{.kind = SegmentKind::stream,
                           .from = {1},
                           .to = {2},
                           .attempt = 3,
                           .offset = 4,
                           .acknowledged = 5,
                           .data = ByteVector(30)};
  for (const MarkKey& key : mark_keys)
    for (std::uint8_t relays = 0; relays < 4; ++relays)
      all.push_back(handshake_packet(key, envelope(relays), segment));
  return all;
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all = genuine();
  for (ByteVector& packet : handshakes()) all.push_back(std::move(packet));
  return all;
}

void relay(ByteView input) {
  ByteVector packet{input.begin(), input.end()};
  for (std::size_t hops = 0; advance_relay(packet); ++hops) AXS_ASSERT(hops < RelayLinks::max);
  // A relay changes one byte.
  if (!packet.empty()) AXS_ASSERT(std::equal(packet.begin() + 1, packet.end(), input.begin() + 1));
}

/// Whether the input is one of these packets, however far relays have carried it.
bool is_one_of(const std::vector<ByteVector>& all, ByteView input) {
  return std::any_of(all.begin(), all.end(), [&](const ByteVector& packet) {
    return std::equal(packet.begin() + 1, packet.end(), input.begin() + 1, input.end());
  });
}

/// Whether that is what a genuine handshake packet carries; relays may choose other links.
bool is_marked(ByteView payload) {
  static const std::vector<ByteVector> all = handshakes();
  return std::any_of(all.begin(), all.end(), [&](const ByteVector& packet) {
    return packet.size() > payload.size() &&
           std::equal(payload.rbegin(), payload.rend(), packet.rbegin());
  });
}

void open(const OuterPacket& packet, ByteView input) {
  SecureSession session{secret, net::Direction::server_to_client};
  ByteVector plain(packet.payload.size() - Aead::tag_size);
  const bool accepted = session.open(Instant{}, packet, plain) == OpenVerdict::accepted;
  static const std::vector<ByteVector> all = genuine();
  AXS_ASSERT(!accepted || is_one_of(all, input));
}

void run(ByteView input) {
  relay(input);
  const auto packet = parse_packet(input);
  if (!packet) return;
  ByteVector header(packet->header.size());
  write_outer_header(packet->header, header);
  AXS_ASSERT(std::equal(header.begin(), header.end(), input.begin()));
  if (packet->header.type == PacketType::sealed) return open(*packet, input);
  for (const MarkKey& key : mark_keys)
    AXS_ASSERT(!parse_handshake(key, *packet) || is_marked(packet->payload));
  const auto segment = from_wire<HandshakeSegment>(packet->payload, "segment");
  if (segment) AXS_ASSERT(std::ranges::equal(to_wire(*segment), packet->payload));
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 15'000, .memory_base = 1 << 16, .memory_per_byte = 16};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
