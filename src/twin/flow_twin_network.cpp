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

void FlowTwin::perform(SiteId id, SiteId, const net::LinkReport& action) {
  if (id == home) return report(action);
  if (sites_[id.value]->peers.at(home).up) send(id, home, {action, std::nullopt, 0});
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
void FlowTwin::set_route(SiteId from, SiteId to, net::TrafficClass traffic) {
  const SiteState::Peer& peer = sites_[from.value]->peers.at(to);
  const SiteState::Lane& lane = peer.lanes[static_cast<std::size_t>(traffic)];
  std::optional<net::PathId> path;
  if (lane.wanted && lane.wanted->backup && peer.paths_up[lane.wanted->backup->value])
    path = lane.wanted->backup;
  if (lane.wanted && peer.paths_up[lane.wanted->primary.value]) path = lane.wanted->primary;
  if (path)
    flows_.set_route(lane.route, way(topology_, from, topology_.paths(from, to)[path->value]));
  else
    flows_.set_route(lane.route, {});
}

void FlowTwin::set_link(std::uint32_t direction) {
  const Direction& link = directions_[direction];
  const bool carries = link.up && !faults_.is_cut({direction / 2}) && link.handovers == 0;
  flows_.set_rate({direction}, carries ? link.rate : BytesPerSecond{});
}

void FlowTwin::on(const LinkMoved& event) {
  const fabric::LinkPlan& plan = config_.links[event.direction / 2];
  const bool back = event.direction % 2 == 1;
  const net::PipeConfig& pipe = back ? plan.back : plan.forth;
  const auto& forecast = back ? plan.back_forecast : plan.forth_forecast;
  Direction& link = directions_[event.direction];
  const fabric::Wire wire = fabric::wire_at(plan, back, now_ - Instant{});
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
  messages_.emplace(next_message_++, Message{from, to, std::move(message)});
  ++outcome_.messages;
  outcome_.bytes += size;
}

void FlowTwin::on(const Arrived& event) {
  const Message message = messages_.extract(event.message).mapped();
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
