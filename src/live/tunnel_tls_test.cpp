#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "axs/live/run_testing.h"
#include "axs/live/tls.h"
#include "axs/net/seal.h"
#include "axs/net/tunnel_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;
using net::TlsRole;

/// The whole way: real TLS endpoints through the pure tunnel over a bad link, then sealed packets.
namespace {

class RealTls {
 public:
  explicit RealTls(TlsEndpoint endpoint) : endpoint_{std::move(endpoint)} {}
  void feed(ByteView bytes) { failed_ |= !endpoint_.feed(bytes); }
  ByteVector take_output() { return endpoint_.take_output(); }
  bool finished() const { return endpoint_.finished(); }
  bool failed() const { return failed_; }
  Key256 secret(net::Incarnation local, net::Incarnation peer, TlsRole role) const {
    return role == TlsRole::client ? endpoint_.datagram_secret(local, peer)
                                   : endpoint_.datagram_secret(peer, local);
  }

 private:
  TlsEndpoint endpoint_;
  bool failed_ = false;
};

const std::array<std::string, 2> sites{"sfo", "fra"};

/// Both sites' credentials; end 0 has the lower site id and is the client.
struct Run {
  CertificateAuthority ca = authority();
  std::array<Credentials, 2> own{must(ca.issue_with_key(sites[0], noon)),
                                 must(ca.issue_with_key(sites[1], noon))};

  net::testing::TunnelPair<RealTls> pair(std::uint64_t seed, net::testing::LinkFaults faults) {
    return {seed, faults, [this](std::size_t end, TlsRole role) {
              return RealTls{
                  must(TlsEndpoint::for_session(role, own[end], {"r1", sites[1 - end]}, noon))};
            }};
  }
};

bool opens(net::SecureSession& receiver, const ByteVector& packet, const ByteVector& want) {
  const auto parsed = net::parse_packet(packet);
  ByteVector plain(want.size());
  return parsed && receiver.open(Instant{}, *parsed, plain) == net::OpenVerdict::accepted &&
         plain == want;
}

}  // namespace

TEST_CASE("tunnel over TLS: keys over a lossy, corrupting link; then sealed packets flow") {
  Run run;
  CHECK(rc::check([&run] {
    auto pair = run.pair(*rc::gen::arbitrary<std::uint64_t>(), {.loss = 0.3,
                                                                .duplicate = 0.2,
                                                                .corrupt = 0.2,
                                                                .delay_min = milliseconds(10),
                                                                .delay_max = milliseconds(300)});
    pair.boot(0, 5), pair.boot(1, 8);
    pair.step(0, net::OpenTunnel{}), pair.step(1, net::OpenTunnel{});
    RC_ASSERT(pair.run_until([&] { return pair.same_keys(); }, Instant{} + seconds(600)));
    RC_ASSERT(pair.ends[0].established->peer == net::Incarnation{8});

    net::SecureSession client{*pair.ends[0].secret, net::Direction::client_to_server};
    net::SecureSession server{*pair.ends[1].secret, net::Direction::server_to_client};
    const net::Envelope envelope{SiteId{1}, SiteId{2}, {}};
    const ByteVector plain(1'400, 'A');
    ByteVector packet(net::Sealer::packet_size(envelope, plain.size()));
    for (int i = 0; i < 3; ++i) {
      RC_ASSERT(client.seal(envelope, plain, packet));
      RC_ASSERT(opens(server, packet, plain));
      RC_ASSERT(server.seal(envelope, plain, packet));
      RC_ASSERT(opens(client, packet, plain));
    }
  }));
}

TEST_CASE("tunnel over TLS: on a good link the first packet can go after two round trips") {
  Run run;
  auto pair = run.pair(1, {});
  pair.boot(0, 1), pair.boot(1, 1);
  pair.step(0, net::OpenTunnel{});
  REQUIRE(pair.run_until([&] { return pair.same_keys(); }, Instant{} + seconds(10)));
  CHECK(pair.now == Instant{} + milliseconds(160));
  std::size_t bytes = 0;
  for (const auto& packet : pair.wire()) bytes += packet.size();
  CHECK(bytes < 10'000);
}

TEST_CASE("tunnel over TLS: an agent of another run never gets a session, and retries slowly") {
  Run run, other;
  run.own[1] = other.own[1];
  auto pair = run.pair(1, {});
  pair.boot(0, 1), pair.boot(1, 1);
  pair.step(0, net::OpenTunnel{}), pair.step(1, net::OpenTunnel{});
  CHECK_FALSE(pair.run_until(
      [&] {
        return pair.phase(0) == net::TunnelPhase::up || pair.phase(1) == net::TunnelPhase::up;
      },
      Instant{} + seconds(600)));
  CHECK(pair.ends[0].dropped >= 10);
  CHECK(pair.ends[0].dropped <= 40);
}

TEST_CASE("wire: neither the handshake nor sealed packets show a name or a payload") {
  Run run;
  auto pair = run.pair(1, {});
  pair.boot(0, 1), pair.boot(1, 1);
  pair.step(0, net::OpenTunnel{});
  REQUIRE(pair.run_until([&] { return pair.same_keys(); }, Instant{} + seconds(10)));
  const std::string secret_text = "the gradient of layer seven";
  net::SecureSession client{*pair.ends[0].secret, net::Direction::client_to_server};
  const net::Envelope envelope{SiteId{1}, SiteId{2}, {}};
  const ByteVector plain{secret_text.begin(), secret_text.end()};
  ByteVector packet(net::Sealer::packet_size(envelope, plain.size()));
  REQUIRE(client.seal(envelope, plain, packet));
  auto wire = pair.wire();
  wire.push_back(packet);
  for (const auto& sent : wire)
    for (const std::string& word : {std::string{"gradient"}, std::string{"axs://"}})
      CHECK(std::search(sent.begin(), sent.end(), word.begin(), word.end()) == sent.end());
  // Four bytes in a row of the plaintext, at any place, would be chance or a leak.
  for (std::size_t i = 0; i + 4 <= plain.size(); ++i)
    CHECK(std::search(packet.begin(), packet.end(), plain.begin() + static_cast<long>(i),
                      plain.begin() + static_cast<long>(i + 4)) == packet.end());
}
