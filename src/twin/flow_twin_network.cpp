#include <algorithm>
#include <utility>

#include "axs/net/directions.h"
#include "axs/twin/flow_site.h"

namespace axs::twin {

namespace {

constexpr SiteId home{0};

/// A hello as it is on the wire, sealed and with its headers, to the nearest ten bytes.
constexpr std::size_t probe_size = 100;

}  // namespace

void FlowTwin::watch(SiteId id, const net::PathWatch::Event& event) {
  std::vector<net::PathWatch::Action> actions;
  sites_[id.value]->paths.step(now_, event, actions);
  digest_.record(now_, static_cast<std::uint32_t>(sites_.size()) + id.value, event, actions);
  for (const auto& [peer, what] : actions)
    std::visit([&, to = peer](const auto& action) { perform(id, to, action); }, what);
  schedule_wakeup(id);
}

void FlowTwin::wake_watch(SiteId id) {
  std::vector<net::PathWatch::Action> actions;
  sites_[id.value]->paths.step(now_, Wakeup{}, actions);
  digest_.record(now_, static_cast<std::uint32_t>(sites_.size()) + id.value, Wakeup{}, actions);
  for (const auto& [peer, what] : actions)
    std::visit([&, to = peer](const auto& action) { perform(id, to, action); }, what);
}

void FlowTwin::perform(SiteId id, SiteId peer, const net::Hello& action) {
  put_on_link(id, {.from = id, .to = peer, .path = action.path, .what = action});
}

void FlowTwin::perform(SiteId id, SiteId peer, const net::HelloReply& action) {
  put_on_link(id, {.from = id, .to = peer, .path = action.path, .what = action});
}

void FlowTwin::put_on_link(SiteId near, Probe probe) {
  const LinkId link = topology_.paths(probe.from, probe.to)[probe.path.value].links[probe.links];
  const fabric::LinkPlan& plan = config_.links[link.value];
  const net::Admission admission =
      directions_[net::direction(link, plan.a != near).value].probes.admit(now_, probe_size);
  if (!admission.arrives() || admission.fate == net::Fate::corrupted) return;
  probe.at = plan.a == near ? plan.b : plan.a;
  ++probe.links;
  queue_.push(admission.released_at, std::move(probe));
}

void FlowTwin::on(Probe& event) {
  if (event.at != event.to) return put_on_link(event.at, std::move(event));
  if (auto* hello = std::get_if<net::Hello>(&event.what))
    return watch(event.to, {event.from, net::HelloReceived{std::move(*hello), {}}});
  watch(event.to, {event.from, net::HelloReplyReceived{std::get<net::HelloReply>(event.what), {}}});
}

void FlowTwin::perform(SiteId id, SiteId peer, const net::LinkReport& action) {
  net::LinkReport told = action;
  account(id, peer);
  const SiteState::Peer& state = sites_[id.value]->peers.at(peer);
  told.use.gradient_rate = state.use.rate();
  told.use.gradient_burst = state.use.burst();
  if (id == home) return report(told);
  if (sites_[id.value]->peers.at(home).up) send(id, home, {told, std::nullopt, 0});
}

/// What the fluid has carried since it was last looked at, at the rate that it has now; what has
/// arrived is known.
void FlowTwin::account(SiteId from, SiteId to) {
  SiteState::Peer& peer = sites_[from.value]->peers.at(to);
  const RouteId route = peer.lanes[static_cast<std::size_t>(net::TrafficClass::gradient)].route;
  const auto rate = flows_.rate(route);
  if (rate) peer.sent += rate->value() * peer.under_way * (now_ - peer.sent_until).seconds();
  const auto arrived = static_cast<double>(peer.bytes_arrived);
  peer.sent = std::clamp(peer.sent, arrived, arrived + static_cast<double>(peer.bytes_under_way));
  peer.sent_until = now_;
  peer.use.sent(now_, static_cast<std::uint64_t>(peer.sent));
}

void FlowTwin::report(const net::LinkReport& report) {
  const net::ReportReceived event{report};
  std::vector<net::Controller::Action> actions;
  controller_.step(now_, event, actions);
  digest_.record(now_, static_cast<std::uint32_t>(2 * sites_.size()) + 1, event, actions);
  for (const auto& action : actions) {
    const auto* order = std::get_if<net::RouteOrder>(&action);
    if (order == nullptr) continue;
    if (order->from == home)
      watch(home, {order->to, net::OrderReceived{*order}});
    else
      send(home, order->from, {*order, std::nullopt, 0});
  }
}

void FlowTwin::perform(SiteId id, SiteId peer, const net::PathUp& action) {
  sites_[id.value]->peers.at(peer).paths_up[action.path.value] = true;
  for (const auto traffic : {net::TrafficClass::control, net::TrafficClass::gradient})
    set_route(id, peer, traffic);
}

void FlowTwin::perform(SiteId id, SiteId peer, const net::PathDown& action) {
  sites_[id.value]->peers.at(peer).paths_up[action.path.value] = false;
  for (const auto traffic : {net::TrafficClass::control, net::TrafficClass::gradient})
    set_route(id, peer, traffic);
}

void FlowTwin::perform(SiteId id, SiteId peer, const net::RouteSet& action) {
  sites_[id.value]->peers.at(peer).lanes[static_cast<std::size_t>(action.traffic)].wanted = action;
  set_route(id, peer, action.traffic);
}

void FlowTwin::perform(SiteId id, SiteId peer, const net::PeerUp&) {
  sites_[id.value]->peers.at(peer).up = true;
  sync(id, train::SiteSync::PeerUp{peer});
}

void FlowTwin::perform(SiteId id, SiteId peer, const net::PeerDown&) {
  sites_[id.value]->peers.at(peer).up = false;
  sync(id, train::SiteSync::PeerDown{peer});
}

/// Over the primary if it is up, else over the backup; else its flows wait.
std::optional<net::PathId> FlowTwin::path_of(SiteId from, SiteId to,
                                             net::TrafficClass traffic) const {
  const SiteState::Peer& peer = sites_[from.value]->peers.at(to);
  const auto& wanted = peer.lanes[static_cast<std::size_t>(traffic)].wanted;
  if (!wanted) return std::nullopt;
  if (peer.paths_up[wanted->primary.value]) return wanted->primary;
  if (wanted->backup && peer.paths_up[wanted->backup->value]) return wanted->backup;
  return std::nullopt;
}

void FlowTwin::set_route(SiteId from, SiteId to, net::TrafficClass traffic) {
  const RouteId route =
      sites_[from.value]->peers.at(to).lanes[static_cast<std::size_t>(traffic)].route;
  if (const auto path = path_of(from, to, traffic))
    flows_.set_route(route, way(topology_, from, topology_.paths(from, to)[path->value]));
  else
    flows_.set_route(route, {});
}

bool FlowTwin::carries(std::uint32_t direction) const {
  const Direction& link = directions_[direction];
  return link.up && !faults_.is_cut({direction / 2}) && link.handovers == 0;
}

void FlowTwin::set_link(std::uint32_t direction) {
  flows_.set_rate({direction}, carries(direction) ? directions_[direction].rate : BytesPerSecond{});
}

/// A packet of a message is a sign of life of its path, and so is its acknowledgement. Two for each
/// hello, a hundred a second at most, are enough: more would say little more to a monitor.
void FlowTwin::on(const PacketsLeave& event) {
  SiteState& site = *sites_[event.from.value];
  SiteState::Peer& peer = site.peers.at(event.to);
  peer.packets_leave = peer.under_way > 0;
  if (!peer.packets_leave) return;
  Duration pause = milliseconds(100);  // Of somebody who waits for a path.
  if (const auto path = path_of(event.from, event.to, net::TrafficClass::gradient)) {
    site.paths.sent(now_, event.to, *path);
    pass_packet(event.from, event.to, *path, false);
    const Duration hellos = site.paths.monitor(event.to).hello_interval(*path);
    pause = std::max(hellos / 2, milliseconds(10));
  }
  queue_.push(now_ + pause, event);
}

void FlowTwin::pass_packet(SiteId from, SiteId to, net::PathId path, bool answer) {
  Duration delay{};
  for (const LinkId link : way(topology_, from, topology_.paths(from, to)[path.value])) {
    if (!carries(link.value)) return;
    delay += directions_[link.value].one_way;
  }
  queue_.push(now_ + delay, PacketCame{to, from, path, answer});
}

void FlowTwin::on(const PacketCame& event) {
  watch(event.at, {event.from, net::TrafficReceived{event.path, {}}});
  if (!event.answer) pass_packet(event.at, event.from, event.path, true);
}

void FlowTwin::on(const LinkMoved& event) {
  const fabric::LinkPlan& plan = config_.links[event.direction / 2];
  const bool back = event.direction % 2 == 1;
  const net::PipeConfig& pipe = back ? plan.back : plan.forth;
  const auto& forecast = back ? plan.back_forecast : plan.forth_forecast;
  Direction& link = directions_[event.direction];
  const fabric::Wire wire = fabric::wire_at(plan, back, now_ - Instant{});
  link.one_way = wire.one_way;
  flows_.set_delay({event.direction}, wire.one_way);
  link.up = wire.up;
  const bool moved = event.sample > 0 && event.sample < forecast.size() &&
                     forecast[event.sample].path != forecast[event.sample - 1].path;
  if (moved && pipe.handover.loss > 0) {
    ++link.handovers;
    queue_.push(now_ + pipe.handover.length, HandoverOver{event.direction});
  }
  set_link(event.direction);
  if (event.sample + 1 < forecast.size())
    queue_.push(Instant{} + forecast[event.sample + 1].at,
                LinkMoved{event.direction, event.sample + 1});
}

void FlowTwin::on(const HandoverOver& event) {
  --directions_[event.direction].handovers;
  set_link(event.direction);
}

void FlowTwin::send(SiteId from, SiteId to, fabric::SiteMessage message) {
  const auto traffic =
      message.attached_size > 0 ? net::TrafficClass::gradient : net::TrafficClass::control;
  const std::uint64_t size = fabric::message_size(message);
  const bool control = traffic == net::TrafficClass::control;
  flows_.start(
      {.id = next_message_,
       .route = sites_[from.value]->peers.at(to).lanes[static_cast<std::size_t>(traffic)].route,
       .bytes = size,
       .precedence = control ? Precedence::strict : Precedence::fair});
  if (!control) {
    account(from, to);
    SiteState::Peer& peer = sites_[from.value]->peers.at(to);
    ++peer.under_way;
    peer.bytes_under_way += size;
    peer.use.waits(peer.bytes_under_way);
    if (!std::exchange(peer.packets_leave, true)) queue_.push(now_, PacketsLeave{from, to});
  }
  messages_.emplace(next_message_++, Message{from, to, std::move(message)});
  ++outcome_.messages;
  outcome_.bytes += size;
}

void FlowTwin::on(const Arrived& event) {
  const Message message = messages_.extract(event.message).mapped();
  if (message.what.attached_size > 0) {
    SiteState::Peer& peer = sites_[message.from.value]->peers.at(message.to);
    const std::uint64_t size = fabric::message_size(message.what);
    --peer.under_way;
    peer.bytes_under_way -= size;
    peer.bytes_arrived += size;
    account(message.from, message.to);
  }
  std::visit([&](const auto& body) { receive(message, body); }, message.what.body);
}

void FlowTwin::receive(const Message& message, const train::SyncMessage& body) {
  sync(message.to, train::SiteSync::Received{message.from, body});
}

void FlowTwin::receive(const Message&, const net::LinkReport& body) {
  report(body);
}

void FlowTwin::receive(const Message& message, const net::RouteOrder& body) {
  watch(message.to, {body.to, net::OrderReceived{body}});
}

}  // namespace axs::twin
