#include "axs/live/peer_session.h"

#include "axs/host/clock.h"

namespace axs::live {

namespace {

/// A peer that was away is to be found again soon after its links are back.
constexpr Duration retry_max = seconds(4);

net::TunnelConfig tunnel_config(const PeerSession::Config& config) {
  net::TunnelConfig tunnel;
  tunnel.local = config.self;
  tunnel.peer = config.peer;
  tunnel.incarnation = config.incarnation;
  tunnel.retry_max = retry_max;
  return tunnel;
}

}  // namespace

PeerSession::PeerSession(Config config)
    : config_{std::move(config)}, policy_{tunnel_config(config_)} {}

void PeerSession::restart(Instant now) {
  session_.reset();
  step(now, net::TunnelLost{});
}

std::optional<ByteView> PeerSession::open(Instant now, const net::OuterPacket& packet) {
  if (!session_ || packet.payload.size() < Aead::tag_size) return std::nullopt;
  plain_.resize(packet.payload.size() - Aead::tag_size);
  if (session_->open(now, packet, plain_) != net::OpenVerdict::accepted) return std::nullopt;
  return ByteView{plain_};
}

std::optional<std::size_t> PeerSession::seal(const net::RelayLinks& relays, ByteView plain,
                                             std::span<std::uint8_t> room) {
  const net::Envelope envelope{config_.self, config_.peer, relays};
  const std::size_t size = net::Sealer::packet_size(envelope, plain.size());
  if (!session_ || size > room.size()) return std::nullopt;
  if (!session_->seal(envelope, plain, room.first(size))) return std::nullopt;
  return size;
}

void PeerSession::step(Instant now, const net::TunnelEvent& event) {
  now_ = now;
  std::vector<net::TunnelAction> actions;
  policy_.step(now, event, actions);
  for (auto& action : actions) std::visit([this](auto& a) { perform(a); }, action);
}

void PeerSession::perform(net::SendSegment& action) {
  segments_.push_back(std::move(action.segment));
}

void PeerSession::perform(net::StartTls& action) {
  auto tls = TlsEndpoint::for_session(action.role, config_.own, config_.identity,
                                      catalog::UtcTime{host::unix_time().ns}, config_.versions);
  if (!tls) {
    failure_ = std::move(tls).error();
    return step(now_, net::TlsFailed{action.handshake});
  }
  handshake_.emplace(Handshake{action.handshake, *std::move(tls)});
  pump(Ok{});
}

void PeerSession::perform(net::FeedTls& action) {
  if (handshake_ && handshake_->id == action.handshake) pump(handshake_->tls.feed(action.bytes));
}

void PeerSession::perform(net::DropTls& action) {
  if (handshake_ && handshake_->id == action.handshake) handshake_.reset();
}

void PeerSession::perform(net::Establish& action) {
  const bool client = policy_.role() == net::TlsRole::client;
  const Key256 secret = client ? handshake_->tls.datagram_secret(config_.incarnation, action.peer)
                               : handshake_->tls.datagram_secret(action.peer, config_.incarnation);
  session_.emplace(secret,
                   client ? net::Direction::client_to_server : net::Direction::server_to_client);
  established_ = action.peer;
  version_ = handshake_->tls.version();
}

void PeerSession::perform(net::Rekey&) {
  session_ ? session_->request_rekey() : void(rekey_ = true);
}

/// Tells the policy what the TLS object has come to; an alert goes out before the failure counts.
void PeerSession::pump(const Result<>& fed) {
  const net::HandshakeId id = handshake_->id;
  const bool finished = handshake_->tls.finished();
  ByteVector output = handshake_->tls.take_output();
  if (!output.empty()) step(now_, net::TlsOutput{id, std::move(output)});
  if (finished) step(now_, net::TlsFinished{id});
  if (fed) return;
  failure_ = fed.error();
  step(now_, net::TlsFailed{id});
}

}  // namespace axs::live
