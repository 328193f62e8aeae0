#include "axs/net/seal.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::net;

namespace {

const Key256 secret{42, 1, 2, 3};
const Envelope envelope{SiteId{1}, SiteId{2}, {.links = {LinkId{5}, LinkId{6}}, .count = 2}};

template <class Sending>
ByteVector sealed(Sending& sender, ByteView plain) {
  ByteVector packet(Sealer::packet_size(envelope, plain.size()));
  REQUIRE(sender.seal(envelope, plain, packet));
  return packet;
}

struct Opened {
  OpenVerdict verdict;
  ByteVector plain;
};

template <class Receiving>
Opened opened(Receiving& receiver, Instant now, const ByteVector& packet) {
  const auto parsed = parse_packet(packet);
  if (!parsed || parsed->header.type != PacketType::sealed) return {OpenVerdict::forged, {}};
  ByteVector plain(parsed->payload.size() - Aead::tag_size);
  const OpenVerdict verdict = receiver.open(now, *parsed, plain);
  return {verdict, plain};
}

ByteVector numbered(std::uint32_t i) {
  return {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8), 0, 0};
}

/// What a replay window of this width promises, without a bitmap.
class WindowOracle {
 public:
  bool fresh(std::uint64_t number) const {
    const std::uint64_t newest = seen_.empty() ? 0 : *seen_.rbegin();
    return number > newest || (newest - number < ReplayWindow::width && !seen_.contains(number));
  }
  void mark(std::uint64_t number) { seen_.insert(number); }

 private:
  std::set<std::uint64_t> seen_;
};

}  // namespace

TEST_CASE("replay window: agrees with a set of all numbers, over steps of every size") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    ReplayWindow window;
    WindowOracle oracle;
    std::uint64_t around = 0;
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t reach = std::uint64_t{1} << rng.below(19);
      const std::uint64_t number =
          rng.chance(0.5) ? around + rng.below(reach) : around - std::min(around, rng.below(reach));
      RC_ASSERT(window.fresh(number) == oracle.fresh(number));
      if (!window.fresh(number)) continue;
      window.mark(number), oracle.mark(number);
      around = std::max(around, number);
    }
  }));
}

TEST_CASE("replay window: its edges") {
  ReplayWindow window;
  CHECK(window.fresh(0));
  window.mark(0);
  CHECK_FALSE(window.fresh(0));
  window.mark(ReplayWindow::width);
  CHECK_FALSE(window.fresh(0));
  CHECK(window.fresh(1));
  window.mark(1);
  CHECK_FALSE(window.fresh(1));
  window.mark(std::uint64_t{1} << 63);
  CHECK_FALSE(window.fresh(ReplayWindow::width + 1));
  CHECK(window.fresh((std::uint64_t{1} << 63) - ReplayWindow::width + 1));
  CHECK_FALSE(window.fresh((std::uint64_t{1} << 63) - ReplayWindow::width));
  CHECK(window.fresh(~std::uint64_t{0}));
}

TEST_CASE("seal: in any order, doubled and altered, a packet is accepted exactly once") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    Sealer sealer{secret, Direction::client_to_server};
    Opener opener{secret, Direction::client_to_server};
    const std::uint32_t count = 1 + static_cast<std::uint32_t>(rng.below(60));
    std::vector<ByteVector> wire;
    for (std::uint32_t i = 0; i < count; ++i) {
      const ByteVector packet = sealed(sealer, numbered(i));
      wire.insert(wire.end(), 1 + rng.below(3), packet);
      ByteVector altered = packet;
      altered[1 + rng.below(altered.size() - 1)] ^= static_cast<std::uint8_t>(1 << rng.below(8));
      wire.push_back(altered);
    }
    for (std::size_t i = wire.size(); i > 1; --i) std::swap(wire[i - 1], wire[rng.below(i)]);
    std::multiset<ByteVector> accepted;
    for (const auto& packet : wire) {
      const Opened result = opened(opener, Instant{}, packet);
      if (result.verdict == OpenVerdict::accepted) accepted.insert(result.plain);
    }
    RC_ASSERT(accepted.size() == count);
    for (std::uint32_t i = 0; i < count; ++i) RC_ASSERT(accepted.count(numbered(i)) == 1);
  }));
}

TEST_CASE("seal: every single altered bit is noticed, but for the hop count") {
  Sealer sealer{secret, Direction::client_to_server};
  const ByteVector packet = sealed(sealer, numbered(7));
  for (std::size_t bit = 8; bit < 8 * packet.size(); ++bit) {
    Opener opener{secret, Direction::client_to_server};
    ByteVector altered = packet;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    REQUIRE(opened(opener, Instant{}, altered).verdict != OpenVerdict::accepted);
    REQUIRE(opened(opener, Instant{}, packet).verdict == OpenVerdict::accepted);
  }
}

TEST_CASE("seal: a relay changes the hop count and the packet still opens") {
  Sealer sealer{secret, Direction::client_to_server};
  Opener opener{secret, Direction::client_to_server};
  ByteVector packet = sealed(sealer, numbered(7));
  CHECK(advance_relay(packet) == LinkId{5});
  CHECK(advance_relay(packet) == LinkId{6});
  const Opened result = opened(opener, Instant{}, packet);
  CHECK(result.verdict == OpenVerdict::accepted);
  CHECK(result.plain == numbered(7));
}

TEST_CASE("seal: the other direction, another session and a packet reflected do not open") {
  Sealer sealer{secret, Direction::client_to_server};
  Opener reflected{secret, Direction::server_to_client};
  Opener other{Key256{43}, Direction::client_to_server};
  const ByteVector packet = sealed(sealer, numbered(7));
  CHECK(opened(reflected, Instant{}, packet).verdict == OpenVerdict::forged);
  CHECK(opened(other, Instant{}, packet).verdict == OpenVerdict::unknown_key);
}

TEST_CASE("seal: the opener takes the next epoch, and the one before for the grace time") {
  Sealer sealer{secret, Direction::client_to_server};
  Opener opener{secret, Direction::client_to_server};
  const ByteVector first = sealed(sealer, numbered(0)), late = sealed(sealer, numbered(1)),
                   later = sealed(sealer, numbered(2));
  sealer.rekey();
  const ByteVector second = sealed(sealer, numbered(3));
  sealer.rekey();
  const ByteVector third = sealed(sealer, numbered(4));
  const auto verdict = [&](Duration at, const ByteVector& packet) {
    return opened(opener, Instant{} + at, packet).verdict;
  };
  CHECK(verdict(seconds(0), first) == OpenVerdict::accepted);
  CHECK(verdict(seconds(0), third) == OpenVerdict::unknown_key);
  CHECK(verdict(seconds(1), second) == OpenVerdict::accepted);
  CHECK(opener.epoch() == 1);
  CHECK(verdict(seconds(1) + Opener::grace - nanoseconds(1), late) == OpenVerdict::accepted);
  CHECK(verdict(seconds(1) + Opener::grace, later) == OpenVerdict::unknown_key);
  CHECK(verdict(seconds(12), third) == OpenVerdict::accepted);
  CHECK(verdict(seconds(12), second) == OpenVerdict::replayed);
}

TEST_CASE("seal: keys differ between epochs and no packet repeats another's bytes") {
  Sealer sealer{secret, Direction::client_to_server};
  std::set<ByteVector> payloads;
  for (int epoch = 0; epoch < 300; ++epoch) {
    for (int i = 0; i < 3; ++i) {
      const ByteVector packet = sealed(sealer, ByteVector(32));
      payloads.emplace(packet.begin() + OuterHeader::fixed_size + 8, packet.end());
    }
    sealer.rekey();
  }
  CHECK(payloads.size() == 900);
}

TEST_CASE("session: rekeying under loss, reordering and one-way outages loses nothing else") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    SecureSession client{secret, Direction::client_to_server};
    SecureSession server{secret, Direction::server_to_client};
    std::vector<std::pair<bool, ByteVector>> wire;
    bool cut_to_server = false, cut_to_client = false;
    std::uint32_t i = 0;
    for (int step = 0; step < 600; ++step) {
      if (rng.chance(0.05)) client.request_rekey(), server.request_rekey();
      if (rng.chance(0.02)) cut_to_server = !cut_to_server;
      if (rng.chance(0.02)) cut_to_client = !cut_to_client;
      const bool from_client = rng.chance(0.5);
      const ByteVector packet = sealed(from_client ? client : server, numbered(i++));
      if (!(from_client ? cut_to_server : cut_to_client) && rng.chance(0.8))
        wire.emplace_back(from_client, packet);
      if (wire.empty() || rng.chance(0.4)) continue;
      const std::size_t pick = rng.below(std::min<std::size_t>(wire.size(), 8));
      const auto [to_server, arriving] = wire[pick];
      wire.erase(wire.begin() + static_cast<std::ptrdiff_t>(pick));
      auto& receiver = to_server ? server : client;
      RC_ASSERT(opened(receiver, Instant{}, arriving).verdict == OpenVerdict::accepted ||
                receiver.epoch() > 1);
      RC_ASSERT(opened(receiver, Instant{}, arriving).verdict != OpenVerdict::accepted);
    }
    // Whatever happened, the two ends still understand each other.
    const ByteVector hello = sealed(client, numbered(i));
    RC_ASSERT(opened(server, Instant{}, hello).verdict == OpenVerdict::accepted);
    const ByteVector answer = sealed(server, numbered(i));
    RC_ASSERT(opened(client, Instant{}, answer).verdict == OpenVerdict::accepted);
    RC_ASSERT(client.epoch() == server.epoch());
  }));
}

TEST_CASE("session: the client starts epochs, once per answer; the server follows") {
  SecureSession client{secret, Direction::client_to_server};
  SecureSession server{secret, Direction::server_to_client};
  server.request_rekey();
  (void)sealed(server, {});
  CHECK(server.epoch() == 0);
  for (std::uint32_t epoch = 1; epoch < 600; ++epoch) {
    client.request_rekey();
    const ByteVector go = sealed(client, {});
    client.request_rekey();
    (void)sealed(client, {});
    REQUIRE(client.epoch() == epoch);
    REQUIRE(opened(server, Instant{}, go).verdict == OpenVerdict::accepted);
    REQUIRE(server.epoch() == epoch);
    REQUIRE(opened(client, Instant{}, sealed(server, {})).verdict == OpenVerdict::accepted);
  }
}
