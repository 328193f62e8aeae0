#include "axs/twin/tunnel_end.h"

#include <algorithm>
#include <array>

#include "axs/core/crypto.h"

namespace axs::twin {

namespace {

/// Of a TLS 1.3 handshake with X25519MLKEM768 and certificates at both ends.
constexpr std::array<std::size_t, 4> flight_bytes{1'500, 3'000, 1'700, 200};

/// As live agents have it: a session over which nothing comes for so long is given up.
constexpr Duration patience = seconds(15);

constexpr std::uint32_t digest_policy = 1u << 20;  ///< Apart from the numbers of other policies.

net::TunnelConfig tunnel_config(const TunnelEnd::Config& config) {
  net::TunnelConfig tunnel;
  tunnel.local = config.self;
  tunnel.peer = config.peer;
  tunnel.incarnation = config.incarnation;
  tunnel.retry_max = TunnelEnd::retry_max;
  tunnel.rekey_after = config.rekey_after;
  return tunnel;
}

}  // namespace

HandshakeModel::HandshakeModel(net::TlsRole role, std::uint64_t nonce)
    : role_{role}, nonce_{nonce}, next_flight_{role == net::TlsRole::client ? 0u : 1u} {
  if (role == net::TlsRole::client) send_next();
}

void HandshakeModel::send_next() {
  output_ = to_wire(nonce_);
  output_.resize(flight_bytes[next_flight_]);
  next_flight_ += 2;
}

void HandshakeModel::feed(ByteView bytes) {
  incoming_.insert(incoming_.end(), bytes.begin(), bytes.end());
  const std::size_t expected = next_flight_ - 1;
  if (finished_ || incoming_.size() < flight_bytes[expected]) return;
  WireReader reader{incoming_};
  reader.get(peer_nonce_);
  incoming_.clear();
  if (next_flight_ < flight_bytes.size()) send_next();
  finished_ = expected >= 2;
}

Key256 HandshakeModel::secret() const {
  const bool client = role_ == net::TlsRole::client;
  return sha256(to_wire(client ? std::pair{nonce_, peer_nonce_} : std::pair{peer_nonce_, nonce_}));
}

TunnelEnd::TunnelEnd(const Config& config, Digest& digest)
    : config_{config}, digest_{&digest}, policy_{tunnel_config(config)} {}

void TunnelEnd::open(Instant now) {
  step(now, net::OpenTunnel{});
}

void TunnelEnd::take(Instant now, net::HandshakeSegment segment) {
  step(now, net::SegmentArrived{std::move(segment)});
}

void TunnelEnd::wake(Instant now) {
  if (policy_.wakeup() && *policy_.wakeup() <= now) step(now, Wakeup{});
  if (!session_ || now - heard_at_ <= patience) return;
  session_.reset();
  step(now, net::TunnelLost{});
}

std::optional<Instant> TunnelEnd::wakeup() const {
  const auto at = policy_.wakeup();
  if (!session_) return at;
  const Instant gives_up = heard_at_ + patience + milliseconds(1);
  return at ? std::min(*at, gives_up) : gives_up;
}

std::optional<std::uint32_t> TunnelEnd::session() const {
  return session_ ? std::optional{session_->id()} : std::nullopt;
}

bool TunnelEnd::seal(const net::RelayLinks& relays, ByteView plain, ByteVector& packet) {
  if (!session_) return false;
  const net::Envelope envelope{config_.self, config_.peer, relays};
  packet.resize(net::Sealer::packet_size(envelope, plain.size()));
  return session_->seal(envelope, plain, packet);
}

std::optional<ByteVector> TunnelEnd::open_packet(Instant now, const net::OuterPacket& packet) {
  if (!session_ || packet.payload.size() < Aead::tag_size) return std::nullopt;
  ByteVector plain(packet.payload.size() - Aead::tag_size);
  if (session_->open(now, packet, plain) != net::OpenVerdict::accepted) return std::nullopt;
  return plain;
}

void TunnelEnd::step(Instant now, const net::TunnelEvent& event) {
  now_ = now;
  std::vector<net::TunnelAction> actions;
  policy_.step(now, event, actions);
  digest_->record(now, digest_policy + config_.self.value, event, actions);
  for (auto& action : actions) std::visit([this](auto& a) { perform(a); }, action);
}

void TunnelEnd::perform(const net::StartTls& action) {
  Rng rng = Rng{config_.seed}.fork(handshakes_++);
  handshake_.emplace(action.handshake, HandshakeModel{action.role, rng.next()});
  pump();
}

void TunnelEnd::perform(const net::FeedTls& action) {
  if (!handshake_ || handshake_->first != action.handshake) return;
  handshake_->second.feed(action.bytes);
  pump();
}

void TunnelEnd::perform(const net::DropTls& action) {
  if (handshake_ && handshake_->first == action.handshake) handshake_.reset();
}

void TunnelEnd::perform(const net::Establish&) {
  session_.emplace(handshake_->second.secret(), policy_.role() == net::TlsRole::client
                                                    ? net::Direction::client_to_server
                                                    : net::Direction::server_to_client);
  heard_at_ = now_;
}

void TunnelEnd::perform(const net::Rekey&) {
  if (session_) session_->request_rekey();
}

/// Tells the policy what the handshake has come to; what it answers may end the handshake.
void TunnelEnd::pump() {
  const net::HandshakeId id = handshake_->first;
  const bool finished = handshake_->second.finished();
  ByteVector output = handshake_->second.take_output();
  if (!output.empty()) step(now_, net::TlsOutput{id, std::move(output)});
  if (finished) step(now_, net::TlsFinished{id});
}

}  // namespace axs::twin
