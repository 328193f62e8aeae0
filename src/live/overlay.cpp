#include "axs/live/overlay.h"

#include <algorithm>

#include "axs/live/message_store.h"

namespace axs::live {

using fabric::Site;

Result<std::unique_ptr<Overlay>> Overlay::open(host::Loop& loop, Config config,
                                               Callbacks callbacks) {
  std::unique_ptr<Overlay> overlay{new Overlay{loop, std::move(config), std::move(callbacks)}};
  Overlay* self = overlay.get();
  overlay->handshake_key_ = net::handshake_key(
      AXS_TRY(certificate_fingerprint(overlay->config_.credentials.ca_certificate)));
  overlay->sockets_ = AXS_TRY(LinkSockets::open(loop, overlay->config_.links,
                                                {.packet =
                                                     [self](LinkId, ByteView packet) {
                                                       self->receiving_ = true;
                                                       self->receive(packet);
                                                     },
                                                 .batch_end =
                                                     [self] {
                                                       self->receiving_ = false;
                                                       self->flush();
                                                       self->arm_timer();
                                                     }}));
  for (std::uint32_t i = 0; i < overlay->config_.scenario.sites.size(); ++i)
    if (SiteId{i} != overlay->config_.self) overlay->add_peer(SiteId{i});
  // Not in timer_: peers of an earlier life may send before it is due, and that sets timer_ anew.
  overlay->opening_ = loop.at(loop.now(), [self] {
    for (auto& [id, peer] : self->peers_) peer.session.open_tunnel(self->loop_.now());
    self->wake();
  });
  return overlay;
}

Overlay::Overlay(host::Loop& loop, Config config, Callbacks callbacks)
    : loop_{loop}, config_{std::move(config)}, callbacks_{std::move(callbacks)} {}

Overlay::~Overlay() {
  loop_.cancel(opening_);
  if (timer_) loop_.cancel(*timer_);
}

void Overlay::add_peer(SiteId id) {
  const auto& paths = config_.topology.paths(config_.self, id);
  if (paths.empty()) return;
  peers_.emplace(id, Peer{.session = PeerSession{{.self = config_.self,
                                                  .peer = id,
                                                  .incarnation = config_.incarnation,
                                                  .identity = {config_.run, name(id)},
                                                  .own = config_.credentials}},
                          .paths = paths});
}

void Overlay::send(SiteId to, net::PathId path, ByteView plain) {
  const auto peer = peers_.find(to);
  if (peer == peers_.end() || path.value >= peer->second.paths.size()) return;
  const net::CandidatePath& way = peer->second.paths[path.value];
  ByteVector packet;
  if (sockets_->has(way.links[0]) && peer->second.session.seal(way.relay_links(), plain, packet))
    sockets_->send(way.links[0], std::move(packet));
}

void Overlay::send(SiteId to, const net::Hello& hello) {
  ByteVector plain{static_cast<std::uint8_t>(PayloadKind::hello)};
  WireWriter{plain}.put(hello);
  send(to, hello.path, plain);
}

void Overlay::send(SiteId to, const net::HelloReply& reply) {
  ByteVector plain{static_cast<std::uint8_t>(PayloadKind::reply)};
  WireWriter{plain}.put(reply);
  send(to, reply.path, plain);
}

void Overlay::flush() {
  if (!receiving_) sockets_->flush();
}

void Overlay::receive(ByteView bytes) {
  const auto packet = net::parse_packet(bytes);
  if (!packet) return;
  if (packet->header.destination != config_.self) return relay(bytes);
  const SiteId from = packet->header.source;
  const auto peer = peers_.find(from);
  if (peer == peers_.end()) return;
  if (packet->header.type == net::PacketType::sealed) return receive_sealed(from, *packet);
  auto segment = net::parse_handshake(handshake_key_, *packet);
  if (!segment) return;
  peer->second.session.take_handshake(loop_.now(), *std::move(segment));
  attend(from);
}

void Overlay::relay(ByteView bytes) {
  ByteVector packet{bytes.begin(), bytes.end()};
  const auto link = net::advance_relay(packet);
  if (!link || !sockets_->has(*link)) return;
  sockets_->send(*link, std::move(packet));
  ++relayed_;
}

void Overlay::receive_sealed(SiteId from, const net::OuterPacket& packet) {
  Peer& peer = peers_.at(from);
  const auto plain = peer.session.open(loop_.now(), packet);
  if (!plain) ++unopened_[from];
  if (!plain || plain->empty()) return;
  peer.heard_at = loop_.now();
  switch (static_cast<PayloadKind>(plain->front())) {
    case PayloadKind::packet:
      return receive_packet(from, plain->subspan(1));
    case PayloadKind::hello:
      return receive_hello(from, plain->subspan(1));
    case PayloadKind::reply:
      return receive_reply(from, plain->subspan(1));
  }
}

void Overlay::receive_packet(SiteId from, ByteView plain) {
  WireReader reader{plain};
  net::Packet packet;
  reader.get(packet);
  const ByteView payloads = reader.bytes(reader.remaining());
  if (!reader.ok() || !payloads_match(packet, payloads))
    return callbacks_.fact(catalog::PeerMisbehaved{name(from), "malformed packet"});
  callbacks_.packet(from, std::move(packet), payloads);
}

void Overlay::receive_hello(SiteId from, ByteView plain) {
  const auto hello = from_wire<net::Hello>(plain, "hello");
  if (hello) callbacks_.event(Site::PeerHello{from, {*hello, {}}});
}

void Overlay::receive_reply(SiteId from, ByteView plain) {
  const auto reply = from_wire<net::HelloReply>(plain, "hello reply");
  if (reply) callbacks_.event(Site::PeerHelloReply{from, {*reply, {}}});
}

void Overlay::wake() {
  timer_.reset();
  for (auto& [id, peer] : peers_) wake_peer(id, peer);
  flush();
  arm_timer();
}

void Overlay::wake_peer(SiteId id, Peer& peer) {
  const Instant now = loop_.now();
  if (const auto at = peer.session.wakeup(); at && *at <= now) peer.session.wake(now);
  if (peer.up && now - peer.heard_at > config_.patience) {
    peer.up = false;
    peer.session.restart(now);
    callbacks_.fact(catalog::SessionLost{name(id)});
  }
  attend(id);
}

/// Performs what the session wants done.
void Overlay::attend(SiteId id) {
  Peer& peer = peers_.at(id);
  for (const auto& segment : peer.session.take_segments()) send_handshake(id, segment);
  if (const auto failure = peer.session.take_failure())
    callbacks_.fact(catalog::HandshakeFailed{name(id), failure->what});
  if (const auto incarnation = peer.session.take_established()) {
    peer.up = true;
    peer.heard_at = loop_.now();
    callbacks_.fact(catalog::SessionUp{name(id), incarnation->value, peer.session.version()});
  }
}

/// Over all paths at once: which of them work is not known yet.
void Overlay::send_handshake(SiteId id, const net::HandshakeSegment& segment) {
  for (const net::CandidatePath& path : peers_.at(id).paths)
    if (sockets_->has(path.links[0]))
      sockets_->send(
          path.links[0],
          net::handshake_packet(handshake_key_, {config_.self, id, path.relay_links()}, segment));
}

void Overlay::arm_timer() {
  std::optional<Instant> next;
  const auto consider = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const auto& [id, peer] : peers_) {
    consider(peer.session.wakeup());
    if (peer.up) consider(peer.heard_at + config_.patience + milliseconds(1));
  }
  if (timer_ && next && timer_->at == *next) return;
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  if (next) timer_ = loop_.at(*next, [this] { wake(); });
}

}  // namespace axs::live
