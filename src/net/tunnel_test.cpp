#include "axs/net/tunnel.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "axs/net/tunnel_testing.h"

using namespace axs;
using namespace axs::net;
using axs::net::testing::LinkFaults;
using axs::net::testing::TunnelPair;

static_assert(Policy<TunnelPolicy>);

namespace {

constexpr std::array<std::size_t, 4> flight_sizes{1'300, 6'000, 3'500, 1};

/// Flight i of a scripted handshake: client, server, client, and the server's confirmation. Its
/// bytes tell a misplaced one from the right one; the first tells its sender's nonce.
ByteVector flight(std::size_t i, std::uint8_t nonce) {
  ByteVector bytes(flight_sizes[i]);
  for (std::size_t k = 0; k < bytes.size(); ++k)
    bytes[k] = static_cast<std::uint8_t>(k * 31 + k / 256 + nonce);
  return bytes;
}

/// Stands in for TLS: it expects the peer's flights byte for byte and answers each with the next.
class ScriptedTls {
 public:
  ScriptedTls(TlsRole role, std::uint8_t nonce)
      : nonce_{nonce}, next_send_{role == TlsRole::client ? 0u : 1u} {
    if (role == TlsRole::client) send_next();
  }
  void feed(ByteView bytes) {
    incoming_.insert(incoming_.end(), bytes.begin(), bytes.end());
    const std::size_t expected = next_send_ - 1;
    if (finished_ || incoming_.size() < flight_sizes[expected]) return;
    if (expected < 2) peer_nonce_ = incoming_[0];
    failed_ = incoming_ != flight(expected, peer_nonce_);
    incoming_.clear();
    if (next_send_ < flight_sizes.size()) send_next();
    finished_ = !failed_ && expected >= 2;
  }
  ByteVector take_output() { return std::exchange(output_, {}); }
  bool finished() const { return finished_; }
  bool failed() const { return failed_; }
  Key256 secret(Incarnation local, Incarnation peer, TlsRole role) const {
    const auto both = [role](auto mine, auto theirs) {
      return role == TlsRole::client ? std::array{mine, theirs} : std::array{theirs, mine};
    };
    return sha256(to_wire(std::pair{both(nonce_, peer_nonce_), both(local.value, peer.value)}));
  }

 private:
  void send_next() {
    output_ = flight(next_send_, nonce_);
    next_send_ += 2;
  }
  std::uint8_t nonce_, peer_nonce_ = 0;
  std::size_t next_send_;
  ByteVector incoming_, output_;
  bool finished_ = false, failed_ = false;
};

using Pair = TunnelPair<ScriptedTls>;

Pair make_pair(std::uint64_t seed, LinkFaults faults) {
  Pair pair{seed, faults, [nonce = std::uint8_t{0}](std::size_t, TlsRole role) mutable {
              return ScriptedTls{role, ++nonce};
            }};
  pair.boot(0, 1), pair.boot(1, 1);
  return pair;
}

const LinkFaults bad_link{
    .loss = 0.3, .duplicate = 0.3, .delay_min = milliseconds(5), .delay_max = milliseconds(400)};

void both_up_by(Pair& pair, Duration limit) {
  REQUIRE(pair.run_until([&] { return pair.both_up(); }, pair.now + limit));
}

std::size_t random_end() {
  return *rc::gen::element<std::size_t>(0, 1);
}

}  // namespace

TEST_CASE(
    "handshake stream: any order, loss and repetition; the bytes come out once and in order") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    HandshakeStream sender, receiver;
    ByteVector sent, got;
    for (int step = 0; step < 300 || !sender.all_acknowledged(); ++step) {
      if (step < 300 && rng.chance(0.1)) {
        ByteVector data(rng.below(3000) * (sent.size() < 50'000));
        for (auto& byte : data) byte = static_cast<std::uint8_t>(rng.next());
        sent.insert(sent.end(), data.begin(), data.end());
        (void)sender.write(data);
      }
      const auto pieces = sender.unacknowledged();
      if (pieces.empty()) continue;
      const auto& piece = pieces[rng.below(pieces.size())];
      const ByteVector bytes = receiver.receive(piece.offset, piece.data);
      got.insert(got.end(), bytes.begin(), bytes.end());
      if (rng.chance(0.3)) (void)sender.acknowledge(receiver.received());
    }
    RC_ASSERT(got == sent);
  }));
}

TEST_CASE(
    "handshake stream: what lies beyond the limit and impossible acknowledgements are ignored") {
  HandshakeStream stream;
  CHECK(stream.receive(HandshakeStream::limit, ByteVector(1)).empty());
  CHECK(stream.receive(~std::uint32_t{0}, ByteVector(100)).empty());
  CHECK(stream.receive(HandshakeStream::limit - 1, ByteVector(1)).empty());
  CHECK(stream.received() == 0);
  (void)stream.write(ByteVector(10));
  CHECK_FALSE(stream.acknowledge(11));
  CHECK_FALSE(stream.acknowledge(0));
  CHECK(stream.acknowledge(10));
  CHECK_FALSE(stream.acknowledge(10));
}

TEST_CASE(
    "tunnel: on a good link a session takes two round trips, or a message more if the server "
    "asks") {
  for (const std::size_t opener : {0u, 1u}) {
    Pair pair = make_pair(1, {});
    pair.step(opener, OpenTunnel{});
    both_up_by(pair, seconds(10));
    CHECK(pair.now == Instant{} + milliseconds(opener == 0 ? 160 : 200));
    CHECK(pair.ends[0].established->peer == Incarnation{1});
    pair.run_for(seconds(60));
    CHECK(pair.ends[0].establishments == 1);
    CHECK(pair.ends[1].establishments == 1);
  }
}

TEST_CASE("tunnel: comes up over 30 % loss with duplicates and reordering, whoever opens") {
  CHECK(rc::check([] {
    Pair pair = make_pair(*rc::gen::arbitrary<std::uint64_t>(), bad_link);
    const bool simultaneous = *rc::gen::arbitrary<bool>();
    const std::size_t opener = random_end();
    pair.step(opener, OpenTunnel{});
    if (simultaneous) pair.step(1 - opener, OpenTunnel{});
    RC_ASSERT(pair.run_until([&] { return pair.same_keys(); }, Instant{} + seconds(300)));
    // It stays up, and late packets of the handshake do not start another.
    const int before = pair.ends[0].establishments;
    pair.run_for(seconds(100));
    RC_ASSERT(pair.both_up());
    RC_ASSERT(pair.ends[0].establishments <= before + 1);
  }));
}

TEST_CASE("tunnel: a peer that restarts replaces the session, at any moment and over a bad link") {
  CHECK(rc::check([] {
    Pair pair = make_pair(*rc::gen::arbitrary<std::uint64_t>(), bad_link);
    pair.step(0, OpenTunnel{}), pair.step(1, OpenTunnel{});
    pair.run_for(milliseconds(*rc::gen::inRange(0, 5'000)));
    const std::size_t restarting = random_end();
    pair.boot(restarting, 2);
    pair.step(restarting, OpenTunnel{});
    const auto replaced = [&] {
      const auto& other = pair.ends[1 - restarting].established;
      return pair.same_keys() && other && other->peer == Incarnation{2};
    };
    RC_ASSERT(pair.run_until(replaced, pair.now + seconds(300)));
  }));
}

TEST_CASE("tunnel: an outage of any length heals, and a lost session is made again") {
  CHECK(rc::check([] {
    Pair pair = make_pair(*rc::gen::arbitrary<std::uint64_t>(), bad_link);
    pair.step(0, OpenTunnel{}), pair.step(1, OpenTunnel{});
    pair.run_for(milliseconds(*rc::gen::inRange(0, 3'000)));
    pair.faults.loss = 1;
    pair.run_for(seconds(*rc::gen::inRange(1, 200)));
    pair.faults.loss = bad_link.loss;
    const std::size_t losing = random_end();
    pair.step(losing, TunnelLost{});
    RC_ASSERT(pair.run_until([&] { return pair.same_keys(); }, pair.now + seconds(300)));
  }));
}

TEST_CASE(
    "tunnel: both ends end up with keys of the same handshake, however often one says it lost "
    "them") {
  CHECK(rc::check([] {
    Pair pair = make_pair(*rc::gen::arbitrary<std::uint64_t>(), bad_link);
    pair.step(0, OpenTunnel{}), pair.step(1, OpenTunnel{});
    for (int i = 0; i < 10; ++i) {
      pair.run_for(milliseconds(*rc::gen::inRange(0, 4'000)));
      pair.step(random_end(), TunnelLost{});
    }
    pair.faults = {};
    pair.run_for(seconds(120));
    RC_ASSERT(pair.same_keys());
  }));
}

TEST_CASE("tunnel: resends back off, an attempt ends at its limit, and retries back off too") {
  Pair pair = make_pair(1, {.loss = 1});
  pair.step(0, OpenTunnel{});
  pair.run_for(seconds(20));
  CHECK(pair.ends[0].dropped == 1);
  const std::size_t first_attempt = pair.wire().size();
  CHECK(first_attempt >= 2 * 6);
  CHECK(first_attempt <= 2 * 12);
  pair.run_for(seconds(1000));
  CHECK(pair.ends[0].dropped >= 1000 / 50);
  CHECK(pair.ends[0].dropped <= 1000 / 45 + 5);
  CHECK(pair.phase(0) == TunnelPhase::handshaking);
}

TEST_CASE("tunnel: forged handshake packets cannot end a session") {
  Pair pair = make_pair(1, {});
  pair.step(0, OpenTunnel{});
  both_up_by(pair, seconds(10));
  for (const SegmentKind kind : {SegmentKind::ask, SegmentKind::stream})
    for (std::size_t end : {0u, 1u})
      for (std::uint32_t attempt : {0u, 1u, 2u, 99u})
        for (std::uint32_t from : {0u, 1u, 7u}) {
          pair.step(end, SegmentArrived{{.kind = kind,
                                         .from = {from},
                                         .to = {},
                                         .attempt = attempt,
                                         .offset = 0,
                                         .acknowledged = 5,
                                         .data = ByteVector(9)}});
          REQUIRE(pair.both_up());
        }
  pair.run_for(seconds(200));
  CHECK(pair.both_up());
}

TEST_CASE("tunnel: the client asks for fresh keys every two minutes, the server never") {
  Pair pair = make_pair(1, {});
  pair.step(1, OpenTunnel{});
  both_up_by(pair, seconds(10));
  pair.run_for(seconds(601));
  CHECK(pair.ends[0].rekeys == 5);
  CHECK(pair.ends[1].rekeys == 0);
}

TEST_CASE("tunnel: random events never break it") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    Pair pair = make_pair(rng.next(), bad_link);
    pair.step(0, OpenTunnel{}), pair.step(1, OpenTunnel{});
    for (int i = 0; i < 200; ++i) {
      const auto small = [&] { return static_cast<std::uint32_t>(rng.below(4)); };
      const std::size_t end = rng.below(2);
      const HandshakeSegment segment{
          .kind = rng.chance(0.5) ? SegmentKind::ask : SegmentKind::stream,
          .from = {small()},
          .to = {small()},
          .attempt = small(),
          .offset = static_cast<std::uint32_t>(rng.chance(0.9) ? rng.below(2'000) : rng.next()),
          .acknowledged = static_cast<std::uint32_t>(rng.below(2'000)),
          .data = ByteVector(rng.below(40))};
      switch (rng.below(6)) {
        case 0:
          pair.step(end, TunnelLost{});
          break;
        case 1:
          pair.step(end, TlsFailed{{small()}});
          break;
        case 2:
          pair.run_for(milliseconds(static_cast<std::int64_t>(rng.below(2'000))));
          break;
        default:
          pair.step(end, SegmentArrived{segment});
      }
    }
    // Once the forger stops, an agent that starts anew with a greater incarnation gets through.
    pair.faults = {};
    for (std::size_t end : {0u, 1u}) pair.boot(end, 9), pair.step(end, OpenTunnel{});
    RC_ASSERT(pair.run_until([&] { return pair.same_keys(); }, pair.now + seconds(300)));
  }));
}

TEST_CASE("tunnel: a good link carries each byte once, and nothing once it is up") {
  Pair pair = make_pair(1, {});
  pair.step(0, OpenTunnel{});
  both_up_by(pair, seconds(10));
  std::size_t pieces = 0;
  for (const std::size_t size : flight_sizes)
    pieces += (size + HandshakeStream::segment_size - 1) / HandshakeStream::segment_size;
  pair.run_for(seconds(60));
  CHECK(pair.wire().size() == 2 * pieces);  // Each piece and its acknowledgement.
}

namespace {

/// A server alone, told by hand what arrives.
struct LoneServer {
  LoneServer() { step(OpenTunnel{}); }
  void step(const TunnelEvent& event) {
    actions.clear();
    policy.step(Instant{}, event, actions);
  }
  /// Whether a first segment of this attempt makes the server begin a handshake.
  bool begins_at(std::uint32_t client, std::uint32_t attempt) {
    step(SegmentArrived{{.kind = SegmentKind::stream,
                         .from = {client},
                         .to = {},
                         .attempt = attempt,
                         .offset = 0,
                         .acknowledged = 0,
                         .data = ByteVector(3)}});
    return !actions.empty() && std::holds_alternative<StartTls>(actions[0]);
  }
  TunnelPolicy policy{{.local = {2}, .peer = {1}, .incarnation = {1}}};
  std::vector<TunnelAction> actions;
};

}  // namespace

TEST_CASE("tunnel: a server begins only what is newer than its attempt and its session") {
  LoneServer server;
  CHECK(server.begins_at(3, 2));
  CHECK_FALSE(server.begins_at(3, 2));
  CHECK_FALSE(server.begins_at(3, 1));
  CHECK_FALSE(server.begins_at(2, 9));
  CHECK(server.begins_at(3, 3));
  server.step(TlsFinished{{2}});
  CHECK(server.policy.phase() == TunnelPhase::up);
  CHECK_FALSE(server.begins_at(3, 3));
  CHECK_FALSE(server.begins_at(3, 2));
  CHECK_FALSE(server.begins_at(2, 99));
  CHECK(server.begins_at(4, 1));
  CHECK(server.policy.phase() == TunnelPhase::up);
  // The attempt of incarnation 4 may have been forged: when it fails, 3 is heard again.
  server.step(TlsFailed{{3}});
  CHECK_FALSE(server.begins_at(4, 1));
  CHECK_FALSE(server.begins_at(3, 3));
  CHECK(server.begins_at(3, 4));
}

TEST_CASE("tunnel: a client notices at once that the server restarted in the middle") {
  Pair pair = make_pair(1, {});
  pair.step(0, OpenTunnel{});
  pair.run_for(milliseconds(90));  // The server has the first flight and answers.
  pair.boot(1, 2);
  REQUIRE(pair.run_until([&] { return pair.same_keys(); }, pair.now + seconds(3)));
}

TEST_CASE("tunnel: a server that comes late is not made to wait for the client's back-off") {
  Pair pair = make_pair(1, {.loss = 1});
  pair.step(0, OpenTunnel{});
  pair.run_for(seconds(125));  // The client waits after its third failure.
  pair.faults.loss = 0;
  const Instant late = pair.now;
  pair.step(1, OpenTunnel{});
  REQUIRE(pair.run_until([&] { return pair.same_keys(); }, late + seconds(4)));
}
