#include <algorithm>
#include <utility>

#include "axs/twin/site_state.h"

namespace axs::twin {

using fabric::Site;

namespace {

/// SplitMix64 stream of the handshakes; those of the pipes are in twin.cpp.
constexpr std::uint64_t handshake_stream = 2'000'000;

/// UDP payload around what is sealed: the outer header, relay links, the tag, one byte for the
/// kind.
constexpr std::uint32_t seal_overhead = net::OuterHeader::fixed_size + 4 + 16 + 1;

/// The run of a twin has no authority: one key marks its handshakes.
const net::MarkKey mark_key = net::handshake_key(Hash256{});

}  // namespace

bool Twin::has_keys(SiteId site, SiteId peer) const {
  const auto& tunnels = sites_[site.value]->tunnels;
  const auto found = tunnels.find(peer);
  return found != tunnels.end() && found->second.session();
}

bool Twin::crosses(SiteId from, const net::CandidatePath& path) const {
  SiteId at = from;
  for (const LinkId id : path.span()) {
    if (faults_.is_cut(id) || agent(at) == nullptr) return false;
    const net::UnderlayLink& link = topology_.links()[id.value];
    at = link.a == at ? link.b : link.a;
  }
  return true;
}

void Twin::open_tunnels(SiteId id) {
  SiteState& site = *sites_[id.value];
  site.tunnels.clear();
  for (const SiteId peer : topology_.sites()) {
    if (peer == id || topology_.paths(id, peer).empty()) continue;
    const std::uint64_t seed =
        rng_.fork(handshake_stream + id.value).fork(peer.value).fork(site.incarnation).next();
    const auto [entry, added] =
        site.tunnels.emplace(peer, TunnelEnd{{.self = id,
                                              .peer = peer,
                                              .incarnation = {site.incarnation},
                                              .rekey_after = config_.rekey_after,
                                              .seed = seed},
                                             digest_});
    entry->second.open(local(id));
    attend_tunnel(id, peer);
  }
}

void Twin::attend_tunnel(SiteId id, SiteId peer) {
  SiteState& site = *sites_[id.value];
  TunnelEnd& tunnel = site.tunnels.at(peer);
  for (const auto& segment : tunnel.take_segments()) send_handshake(id, peer, segment);
  const auto at = tunnel.wakeup();
  if (!at || (tunnel.wakes_at && *tunnel.wakes_at <= *at)) return;
  tunnel.wakes_at = at;
  queue_.push(std::max(global(id, *at), now_), TunnelDue{id, peer, site.incarnation, *at});
}

void Twin::on(const TunnelDue& event) {
  SiteState& site = *sites_[event.site.value];
  if (!site.policy || site.incarnation != event.incarnation) return;
  TunnelEnd& tunnel = site.tunnels.at(event.peer);
  if (tunnel.wakes_at != event.local) return;  // An earlier one came in between.
  tunnel.wakes_at.reset();
  tunnel.wake(local(event.site));
  attend_tunnel(event.site, event.peer);
}

/// Over all paths at once, as live agents do: which of them work is not known yet.
void Twin::send_handshake(SiteId from, SiteId to, const net::HandshakeSegment& segment) {
  for (const net::CandidatePath& path : topology_.paths(from, to)) {
    ByteVector bytes = net::handshake_packet(mark_key, {from, to, path.relay_links()}, segment);
    Datagram datagram{from, to, path.id, static_cast<std::uint32_t>(bytes.size()), segment};
    if (config_.witness != nullptr) datagram.bytes = std::move(bytes);
    put_on_link(from, path.links[0], std::move(datagram));
  }
}

void Twin::send(Datagram datagram) {
  auto& tunnels = sites_[datagram.from.value]->tunnels;
  const auto found = tunnels.find(datagram.to);
  if (found == tunnels.end() || !found->second.session()) return;
  const net::CandidatePath& path = topology_.paths(datagram.from, datagram.to)[datagram.path.value];
  datagram.session = *found->second.session();
  if (config_.witness != nullptr) seal(path, found->second, datagram);
  put_on_link(datagram.from, path.links[0], std::move(datagram));
}

void Twin::seal(const net::CandidatePath& path, TunnelEnd& tunnel, Datagram& datagram) const {
  ByteVector plain = to_wire(datagram.payload);
  const auto* packet = std::get_if<net::Packet>(&datagram.payload);
  const std::size_t size =
      plain.size() + (packet != nullptr ? payload_offset(*packet, packet->frames.size()) : 0);
  do {
    plain.insert(plain.end(), payload_text.begin(), payload_text.end());
  } while (plain.size() < size);
  AXS_ASSERT(tunnel.seal(path.relay_links(), plain, datagram.bytes));
}

void Twin::put_on_link(SiteId near, LinkId link, Datagram datagram) {
  const fabric::LinkPlan& plan = config_.links[link.value];
  if (plan.a != near && plan.b != near) return;
  if (config_.witness != nullptr) config_.witness->on_wire(near, link, datagram.bytes);
  const net::Admission admission =
      pipes_[link.value][plan.a == near ? 0 : 1].admit(now_, datagram.size);
  if (!admission.arrives() || admission.fate == net::Fate::corrupted) return;
  datagram.at = plan.a == near ? plan.b : plan.a;
  datagram.link = link;
  ++datagram.links;
  datagram.sent_at = now_;
  datagram.departs_at = admission.departs_at;
  queue_.push(admission.released_at, std::move(datagram));
}

void Twin::on(Datagram& event) {
  const Instant cut = cut_at_[event.link.value];
  if (event.sent_at <= cut && event.departs_at > cut) return;  // Lost in the queue of the cut link.
  if (!sites_[event.at.value]->policy) return;                 // No agent there to take it.
  if (config_.witness != nullptr)
    config_.witness->arrived(event.from, event.to, event.at, event.links);
  if (event.at != event.to) return relay(event);
  accept(event);
}

void Twin::relay(Datagram& datagram) {
  std::optional<LinkId> next;
  const net::CandidatePath& path = topology_.paths(datagram.from, datagram.to)[datagram.path.value];
  if (config_.witness != nullptr)
    next = net::advance_relay(datagram.bytes);
  else if (datagram.links < path.hops)
    next = path.links[datagram.links];
  if (next) put_on_link(datagram.at, *next, std::move(datagram));
}

void Twin::accept(Datagram& datagram) {
  const SiteId to = datagram.to, from = datagram.from;
  TunnelEnd& tunnel = sites_[to.value]->tunnels.at(from);
  if (auto* segment = std::get_if<net::HandshakeSegment>(&datagram.payload)) {
    tunnel.take(local(to), std::move(*segment));
    return attend_tunnel(to, from);
  }
  if (!open(tunnel, datagram)) return;
  tunnel.heard(local(to));
  if (auto* packet = std::get_if<net::Packet>(&datagram.payload))
    return step(to, Site::PeerPacket{from, std::move(*packet)});
  if (const auto* hello = std::get_if<net::Hello>(&datagram.payload))
    return step(to, Site::PeerHello{from, {*hello, {}}});
  step(to, Site::PeerHelloReply{from, {std::get<net::HelloReply>(datagram.payload), {}}});
}

/// What the packet says is what its bytes say, where it has bytes.
bool Twin::open(TunnelEnd& tunnel, Datagram& datagram) const {
  if (datagram.session != tunnel.session()) return false;
  if (config_.witness == nullptr) return true;
  const auto packet = net::parse_packet(datagram.bytes);
  if (!packet) return false;
  const auto plain = tunnel.open_packet(local(datagram.to), *packet);
  if (!plain) return false;
  WireReader reader{*plain};
  reader.get(datagram.payload);
  AXS_ASSERT(reader.ok());
  return true;
}

void Twin::perform(SiteId from, Site::TransmitPacket& action) {
  send({from, action.to, action.transmit.packet.path, action.transmit.size + seal_overhead,
        std::move(action.transmit.packet)});
}

void Twin::perform(SiteId from, const Site::SendHello& action) {
  const auto size = static_cast<std::uint32_t>(to_wire(action.hello).size());
  send({from, action.to, action.hello.path, size + seal_overhead, action.hello});
}

void Twin::perform(SiteId from, const Site::SendHelloReply& action) {
  const auto size = static_cast<std::uint32_t>(to_wire(action.reply).size());
  send({from, action.to, action.reply.path, size + seal_overhead, action.reply});
}

}  // namespace axs::twin
