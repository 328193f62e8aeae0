#include "axs/live/overlay.h"

#include <algorithm>

#include "axs/live/message_store.h"

namespace axs::live {

using fabric::Site;

std::vector<LinkId> direct_paths(const catalog::Scenario& scenario, SiteId a, SiteId b) {
  std::vector<LinkId> paths;
  for (std::uint32_t i = 0; i < scenario.links.size(); ++i) {
    const catalog::Link& link = scenario.links[i];
    if ((link.a == a && link.b == b) || (link.a == b && link.b == a)) paths.push_back(LinkId{i});
  }
  return paths;
}

std::string link_name(const catalog::Scenario& scenario, LinkId id) {
  const catalog::Link& link = scenario.links[id.value];
  return scenario.sites[link.a.value].name + "-" + scenario.sites[link.b.value].name + " " +
         std::string{enum_name(link.kind)};
}

Result<std::unique_ptr<Overlay>> Overlay::open(host::Loop& loop, Config config,
                                               Callbacks callbacks) {
  std::unique_ptr<Overlay> overlay{new Overlay{loop, std::move(config), std::move(callbacks)}};
  Overlay* self = overlay.get();
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
  overlay->timer_ = loop.at(loop.now(), [self] {
    for (auto& [id, peer] : self->peers_) peer.session.open_tunnel(self->loop_.now());
    self->wake();
  });
  return overlay;
}

Overlay::Overlay(host::Loop& loop, Config config, Callbacks callbacks)
    : loop_{loop}, config_{std::move(config)}, callbacks_{std::move(callbacks)} {}

Overlay::~Overlay() {
  if (timer_) loop_.cancel(*timer_);
}

void Overlay::add_peer(SiteId id) {
  std::vector<LinkId> paths = direct_paths(config_.scenario, config_.self, id);
  std::erase_if(paths, [this](LinkId link) { return !sockets_->has(link); });
  if (paths.empty()) return;
  peers_.emplace(id, Peer{.session = PeerSession{{.self = config_.self,
                                                  .peer = id,
                                                  .incarnation = config_.incarnation,
                                                  .identity = {config_.run, name(id)},
                                                  .own = config_.credentials}},
                          .hellos = PathHellos{id, paths.size()},
                          .paths = paths});
}

void Overlay::send(SiteId to, net::PathId path, ByteView plain) {
  const auto peer = peers_.find(to);
  if (peer == peers_.end() || path.value >= peer->second.paths.size()) return;
  ByteVector packet;
  if (peer->second.session.seal({}, plain, packet))
    sockets_->send(peer->second.paths[path.value], std::move(packet));
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
  peer->second.session.take_handshake(loop_.now(), *packet);
  attend(from);
}

void Overlay::relay(ByteView bytes) {
  ByteVector packet{bytes.begin(), bytes.end()};
  const auto link = net::advance_relay(packet);
  if (link && sockets_->has(*link)) sockets_->send(*link, std::move(packet));
}

void Overlay::receive_sealed(SiteId from, const net::OuterPacket& packet) {
  const auto plain = peers_.at(from).session.open(loop_.now(), packet);
  if (!plain || plain->empty()) return;
  switch (static_cast<PayloadKind>(plain->front())) {
    case PayloadKind::packet:
      return receive_packet(from, plain->subspan(1));
    case PayloadKind::hello:
      return receive_hello(from, plain->subspan(1));
  }
}

void Overlay::receive_packet(SiteId from, ByteView plain) {
  WireReader reader{plain};
  net::Packet packet;
  reader.get(packet);
  const ByteView payloads = reader.bytes(reader.remaining());
  if (!reader.ok() || !payloads_match(packet, payloads))
    return callbacks_.fact(catalog::PeerMisbehaved{name(from), "malformed packet"});
  heard(from, packet.path);
  callbacks_.packet(from, std::move(packet), payloads);
}

void Overlay::receive_hello(SiteId from, ByteView plain) {
  const auto hello = from_wire<Hello>(plain, "hello");
  if (hello) heard(from, hello->path);
}

void Overlay::heard(SiteId from, net::PathId path) {
  Peer& peer = peers_.at(from);
  peer.heard_at = loop_.now();
  std::vector<Site::Event> events;
  peer.hellos.heard(peer.heard_at, path, events);
  emit(from, events);
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
  std::vector<Site::Event> events;
  if (peer.up && now - peer.heard_at > session_patience) {
    peer.up = false;
    peer.hellos.stop(events);
    peer.session.restart(now);
    callbacks_.fact(catalog::SessionLost{name(id)});
  }
  if (peer.hellos.wake(now, events))
    for (std::uint8_t i = 0; i < peer.paths.size(); ++i) {
      ByteVector plain{static_cast<std::uint8_t>(PayloadKind::hello)};
      WireWriter{plain}.put(Hello{net::PathId{i}});
      send(id, net::PathId{i}, plain);
    }
  emit(id, events);
  attend(id);
}

/// Performs what the session wants done.
void Overlay::attend(SiteId id) {
  Peer& peer = peers_.at(id);
  for (const auto& segment : peer.session.take_segments()) send_handshake(id, segment);
  if (const auto failure = peer.session.take_failure())
    callbacks_.fact(catalog::HandshakeFailed{name(id), failure->what});
  if (const auto incarnation = peer.session.take_established()) {
    const bool first = !peer.up;
    peer.up = true;
    peer.heard_at = loop_.now();
    callbacks_.fact(catalog::SessionUp{name(id), incarnation->value});
    if (first) {
      emit(id, peer.hellos.routes());
      peer.hellos.start(loop_.now());
    }
  }
}

/// Over all links at once: which of them work is not known yet.
void Overlay::send_handshake(SiteId id, const net::HandshakeSegment& segment) {
  for (const LinkId link : peers_.at(id).paths)
    sockets_->send(link, net::handshake_packet({config_.self, id, {}}, segment));
}

void Overlay::emit(SiteId id, const std::vector<Site::Event>& events) {
  const auto path_name = [&](net::PathId path) {
    return link_name(config_.scenario, peers_.at(id).paths[path.value]);
  };
  for (const Site::Event& event : events) {
    if (const auto* changed = std::get_if<Site::PathChanged>(&event)) {
      if (changed->up)
        callbacks_.fact(catalog::PathUp{name(id), path_name(changed->path)});
      else
        callbacks_.fact(catalog::PathDown{name(id), path_name(changed->path)});
    } else if (const auto* routed = std::get_if<Site::Routed>(&event)) {
      callbacks_.fact(catalog::RouteChanged{name(id), std::string{enum_name(routed->route.traffic)},
                                            path_name(routed->route.primary)});
    }
    callbacks_.event(event);
  }
}

void Overlay::arm_timer() {
  std::optional<Instant> next;
  const auto consider = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const auto& [id, peer] : peers_) {
    consider(peer.session.wakeup());
    consider(peer.hellos.wakeup());
  }
  if (timer_ && next && timer_->at == *next) return;
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  if (next) timer_ = loop_.at(*next, [this] { wake(); });
}

}  // namespace axs::live
