#include "axs/live/overlay.h"

#include <algorithm>

#include "axs/host/clock.h"
#include "axs/live/message_store.h"

namespace axs::live {

using fabric::Site;

namespace {

/// A larger packet is no hello, however many answers ride in it.
constexpr std::size_t small_talk = 600;

/// What sealing adds to the plain bytes of a packet that takes this way.
std::size_t sealed_overhead(const net::CandidatePath& way) {
  return net::Sealer::packet_size({{}, {}, way.relay_links()}, 0);
}

}  // namespace

Result<std::unique_ptr<Overlay>> Overlay::open(host::Loop& loop, Config config,
                                               Callbacks callbacks) {
  std::unique_ptr<Overlay> overlay{new Overlay{loop, std::move(config), std::move(callbacks)}};
  AXS_TRY(overlay->prepare());
  AXS_TRY(overlay->open_sockets());
  // Not in timer_: peers of an earlier life may send before it is due, and that sets timer_ anew.
  overlay->opening_ = loop.at(loop.now(), [self = overlay.get()] { self->begin(); });
  return overlay;
}

Overlay::Overlay(host::Loop& loop, Config config, Callbacks callbacks)
    : loop_{loop}, config_{std::move(config)}, callbacks_{std::move(callbacks)} {}

Overlay::~Overlay() {
  loop_.cancel(opening_);
  if (timer_) loop_.cancel(*timer_);
  if (pricing_) loop_.cancel(*pricing_);
}

/// The authority of the run is known either way: by its certificate, or by the token.
Result<> Overlay::prepare() {
  const auto* own = std::get_if<Credentials>(&config_.identity);
  const Hash256 authority = own != nullptr
                                ? AXS_TRY(certificate_fingerprint(own->ca_certificate))
                                : std::get<Newcomer>(config_.identity).token.ca_fingerprint;
  handshake_key_ = net::handshake_key(authority);
  enrolment_key_ = net::enrolment_key(authority);
  if (config_.desk)
    desk_ = std::make_unique<CallsAtDesk>(config_.self, config_.incarnation,
                                          *std::exchange(config_.desk, std::nullopt));
  if (own == nullptr) return prepare_call(std::get<Newcomer>(config_.identity));
  add_peers(*own);
  return Ok{};
}

Result<> Overlay::prepare_call(const Newcomer& newcomer) {
  AXS_ASSERT(config_.self != config_.home);  // It has the desk, and is enrolled there.
  if (config_.topology.paths(config_.self, config_.home).empty())
    return Error{Errc::unavailable, "enrolment of site " + name(config_.self) +
                                        ": no path of at most two links to site " +
                                        name(config_.home) + ", which has the desk"};
  call_ = std::make_unique<CallToDesk>(CallToDesk::Config{.self = config_.self,
                                                          .home = config_.home,
                                                          .incarnation = config_.incarnation,
                                                          .newcomer = newcomer});
  return Ok{};
}

Result<> Overlay::open_sockets() {
  sockets_ = AXS_TRY(
      LinkSockets::open(loop_, config_.links,
                        {.packet =
                             [this](LinkId link, std::span<std::uint8_t> packet, Duration waited) {
                               receiving_ = true;
                               arrival_ = {link, waited};
                               receive(packet);
                             },
                         .batch_end =
                             [this] {
                               receiving_ = false;
                               flush();
                               if (rearm_) arm_timer();
                             }}));
  return Ok{};
}

void Overlay::begin() {
  if (call_) call_->open(loop_.now());
  open_tunnels();
  price_hellos();
  wake();
}

void Overlay::add_peers(const Credentials& own) {
  for (std::uint32_t i = 0; i < config_.scenario.sites.size(); ++i) {
    const SiteId id{i};
    if (id == config_.self) continue;
    const auto& paths = config_.topology.paths(config_.self, id);
    if (paths.empty()) continue;
    peers_.emplace(id, Peer{.session = PeerSession{{.self = config_.self,
                                                    .peer = id,
                                                    .incarnation = config_.incarnation,
                                                    .identity = {config_.run, name(id)},
                                                    .own = own}},
                            .paths = paths,
                            .widths = {paths.size(), net::MtuSearch{net::MtuSearchConfig{}}}});
  }
}

void Overlay::open_tunnels() {
  for (auto& [id, peer] : peers_) peer.session.open_tunnel(loop_.now());
}

void Overlay::send(SiteId to, net::PathId path, ByteView plain) {
  const auto peer = peers_.find(to);
  if (peer == peers_.end() || path.value >= peer->second.paths.size()) return;
  const net::CandidatePath& way = peer->second.paths[path.value];
  const LinkId link = way.links[0];
  if (!sockets_->has(link)) return;
  const auto size = peer->second.session.seal(way.relay_links(), plain, sockets_->room(link));
  if (!size) return;
  sockets_->commit(link, *size);
  const bool data = plain.front() == static_cast<std::uint8_t>(PayloadKind::packet);
  used_.packets += plain.size() > small_talk ? 1 : 0;
  if (data && !peer->second.widths[path.value].wakeup())
    measure_width(to, path, net::MtuPathOpened{});
}

template <class Message>
void Overlay::send(SiteId to, PayloadKind kind, const Message& message) {
  plain_.assign(1, static_cast<std::uint8_t>(kind));
  WireWriter{plain_}.put(message);
  send(to, message.path, plain_);
}

void Overlay::send(SiteId to, const net::Hello& hello) {
  ++used_.hellos;
  send(to, PayloadKind::hello, hello);
}

void Overlay::send(SiteId to, const net::HelloReply& reply) {
  send(to, PayloadKind::reply, reply);
}

void Overlay::flush() {
  if (!receiving_) sockets_->flush();
}

void Overlay::receive(std::span<std::uint8_t> bytes) {
  const auto packet = net::parse_packet(bytes);
  if (!packet) return;
  if (packet->header.destination != config_.self) return relay(bytes);
  const SiteId from = packet->header.source;
  if (packet->header.type == net::PacketType::enrolment) return receive_enrolment(from, *packet);
  if (!peers_.contains(from)) return;
  packet->header.type == net::PacketType::sealed ? receive_sealed(from, *packet)
                                                 : receive_handshake(from, *packet);
}

void Overlay::receive_enrolment(SiteId from, const net::OuterPacket& packet) {
  auto segment = net::parse_handshake(enrolment_key_, packet);
  if (!segment || from == config_.self || from.value >= config_.scenario.sites.size()) return;
  if (call_ && from == config_.home) call_->take(loop_.now(), *std::move(segment));
  if (desk_) {
    auto taken = desk_->take(loop_.now(), from, *std::move(segment));
    if (!taken) return callbacks_.failed(std::move(taken).error());
  }
  attend_enrolment();
}

void Overlay::receive_handshake(SiteId from, const net::OuterPacket& packet) {
  auto segment = net::parse_handshake(handshake_key_, packet);
  if (!segment) return;
  peers_.at(from).session.take_handshake(loop_.now(), *std::move(segment));
  attend(from);
}

void Overlay::relay(std::span<std::uint8_t> packet) {
  const auto link = net::advance_relay(packet);
  if (!link || !sockets_->has(*link) || packet.size() > LinkSockets::packet_max) return;
  put(*link, packet);
  ++relayed_;
  if (packet.size() <= small_talk) return;
  ++used_.packets;
  sockets_->hurry(arrival_.link);
}

void Overlay::put(LinkId link, ByteView packet) {
  std::copy(packet.begin(), packet.end(), sockets_->room(link).begin());
  sockets_->commit(link, packet.size());
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
    case PayloadKind::width:
      return receive_width(from, plain->subspan(1));
    case PayloadKind::width_reply:
      return receive_width_reply(from, plain->subspan(1));
  }
}

void Overlay::receive_packet(SiteId from, ByteView plain) {
  used_.packets += plain.size() > small_talk ? 1 : 0;
  WireReader reader{plain};
  net::Packet packet;
  reader.get(packet);
  const ByteView payloads = reader.bytes(reader.remaining());
  if (!reader.ok() || !payloads_match(packet, payloads))
    return callbacks_.fact(catalog::PeerMisbehaved{name(from), "malformed packet"});
  sockets_->hurry(arrival_.link);
  callbacks_.packet(from, std::move(packet), payloads, arrival_.waited);
}

void Overlay::receive_hello(SiteId from, ByteView plain) {
  const auto hello = from_wire<net::Hello>(plain, "hello");
  if (hello) callbacks_.event(Site::PeerHello{from, {*hello, arrival_.waited}});
}

void Overlay::receive_reply(SiteId from, ByteView plain) {
  const auto reply = from_wire<net::HelloReply>(plain, "hello reply");
  if (reply) callbacks_.event(Site::PeerHelloReply{from, {*reply, arrival_.waited}});
}

void Overlay::receive_width(SiteId from, ByteView plain) {
  WireReader reader{plain};  // What fills the probe up is left in it.
  WidthProbe probe;
  reader.get(probe);
  if (reader.ok()) send(from, PayloadKind::width_reply, probe);
}

void Overlay::receive_width_reply(SiteId from, ByteView plain) {
  const auto reply = from_wire<WidthProbe>(plain, "width reply");
  if (reply && reply->path.value < peers_.at(from).widths.size())
    measure_width(from, reply->path, net::MtuProbeArrived{reply->number});
}

void Overlay::measure_width(SiteId to, net::PathId path, const net::MtuEvent& event) {
  rearm_ = true;
  net::MtuSearch& search = peers_.at(to).widths[path.value];
  const std::uint32_t before = search.packet_size();
  std::vector<net::SendMtuProbe> probes;
  search.step(loop_.now(), event, probes);
  // A probe that does not fit the interface makes the search add another one.
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const net::SendMtuProbe probe = probes[i];
    if (!send_width_probe(to, path, probe))
      search.step(loop_.now(), net::MtuProbeRefused{probe.number}, probes);
  }
  if (search.packet_size() != before) tell_width(to, path);
}

/// False if it is too large for the interface.
bool Overlay::send_width_probe(SiteId to, net::PathId path, const net::SendMtuProbe& probe) {
  Peer& peer = peers_.at(to);
  const net::CandidatePath& way = peer.paths[path.value];
  plain_.assign(1, static_cast<std::uint8_t>(PayloadKind::width));
  WireWriter{plain_}.put(WidthProbe{path, probe.number});
  plain_.resize(probe.size - sealed_overhead(way));
  const auto size = peer.session.seal(way.relay_links(), plain_, sockets_->room(way.links[0]));
  return !size || sockets_->send_alone(way.links[0], *size);
}

/// To the transport: what a packet may have without what the tunnel adds.
void Overlay::tell_width(SiteId to, net::PathId path) {
  const Peer& peer = peers_.at(to);
  const std::size_t around = sealed_overhead(peer.paths[path.value]) + 1;
  const std::size_t bytes = peer.widths[path.value].packet_size() - around;
  callbacks_.event(Site::PathWidth{to, {path, static_cast<std::uint32_t>(bytes)}});
}

void Overlay::wake_widths(SiteId id, Peer& peer) {
  for (std::size_t i = 0; i < peer.widths.size(); ++i)
    if (const auto at = peer.widths[i].wakeup(); at && *at <= loop_.now())
      measure_width(id, {static_cast<std::uint8_t>(i)}, Wakeup{});
}

void Overlay::wake() {
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  if (call_) call_->wake(loop_.now());
  if (desk_) desk_->wake(loop_.now());
  attend_enrolment();
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
  wake_widths(id, peer);
}

/// Performs what the session wants done.
void Overlay::attend(SiteId id) {
  rearm_ = true;
  Peer& peer = peers_.at(id);
  for (const auto& segment : peer.session.take_segments())
    send_segment(id, handshake_key_, segment);
  if (const auto failure = peer.session.take_failure())
    callbacks_.fact(catalog::HandshakeFailed{name(id), failure->what});
  if (const auto incarnation = peer.session.take_established()) {
    peer.up = true;
    peer.heard_at = loop_.now();
    callbacks_.fact(catalog::SessionUp{name(id), incarnation->value, peer.session.version()});
    for (std::size_t i = 0; i < peer.paths.size(); ++i)
      tell_width(id, {static_cast<std::uint8_t>(i)});
  }
}

void Overlay::attend_enrolment() {
  rearm_ = true;
  if (desk_) attend_desk();
  if (call_) attend_call();
}

void Overlay::attend_desk() {
  for (const auto& [to, segment] : desk_->take_segments())
    send_segment(to, enrolment_key_, segment);
  while (const auto failure = desk_->take_failure())
    callbacks_.fact(catalog::HandshakeFailed{name(failure->first), failure->second.what});
}

void Overlay::attend_call() {
  for (const auto& segment : call_->take_segments())
    send_segment(config_.home, enrolment_key_, segment);
  if (const auto failure = call_->take_failure())
    callbacks_.fact(catalog::HandshakeFailed{name(config_.home), failure->what});
  if (const auto outcome = call_->outcome()) join(*outcome);
}

/// The site has its certificate, or never will.
void Overlay::join(const Result<Credentials>& outcome) {
  call_.reset();
  if (!outcome) return callbacks_.failed(outcome.error());
  if (auto kept = callbacks_.enrolled(*outcome); !kept)
    return callbacks_.failed(std::move(kept).error());
  add_peers(*outcome);
  open_tunnels();
  for (const auto& [id, peer] : peers_) attend(id);
}

/// Over all paths at once: which of them work is not known yet.
void Overlay::send_segment(SiteId to, const net::MarkKey& key,
                           const net::HandshakeSegment& segment) {
  for (const net::CandidatePath& path : config_.topology.paths(config_.self, to)) {
    const net::Envelope envelope{config_.self, to, path.relay_links()};
    if (sockets_->has(path.links[0]))
      put(path.links[0], net::handshake_packet(key, envelope, segment));
  }
}

void Overlay::price_hellos() {
  used_.processor = host::thread_processor_time();
  if (const auto affordable = hello_price_.affordable(used_)) {
    callbacks_.event(Site::HellosAfforded{*affordable});
    sockets_->afford(from_seconds(1 / *affordable));
  }
  pricing_ = loop_.after(seconds(1), [this] { price_hellos(); });
}

/// Packets only put things off (a peer's patience), and the timer may ring too early for them:
/// they do not call this.
void Overlay::arm_timer() {
  rearm_ = false;
  std::optional<Instant> next;
  const auto consider = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (call_) consider(call_->wakeup());
  if (desk_) consider(desk_->wakeup());
  for (const auto& [id, peer] : peers_) {
    consider(peer.session.wakeup());
    if (peer.up) consider(peer.heard_at + config_.patience + milliseconds(1));
    for (const net::MtuSearch& search : peer.widths) consider(search.wakeup());
  }
  if (timer_ && next && timer_->at == *next) return;
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  if (next) timer_ = loop_.at(*next, [this] { wake(); });
}

}  // namespace axs::live
