#include "axs/fabric/site.h"

#include <algorithm>
#include <utility>

namespace axs::fabric {

namespace {

/// What is small and urgent goes as control; what carries a tensor as gradient.
net::TrafficClass class_of(const SiteMessage& message) {
  return message.attached ? net::TrafficClass::gradient : net::TrafficClass::control;
}

std::uint64_t attached_size(const train::SyncMessage& body) {
  const auto* offer = std::get_if<train::Offer>(&body);
  return offer == nullptr ? 0 : offer->contribution.size;
}

}  // namespace

std::uint64_t message_size(const SiteMessage& message) {
  return sizeof(std::uint32_t) + to_wire(message.body).size() + message.attached_size;
}

bool Site::Peer::up() const {
  return std::any_of(paths.begin(), paths.end(), [](const auto& path) { return path.second; });
}

Site::Site(Config config, Instant now) : sync_{config.sync, now} {
  for (std::uint32_t i = 0; i < config.sync.sites; ++i) {
    if (SiteId{i} == config.sync.self) continue;
    net::Transport::Config transport;
    transport.incarnation = config.incarnation;
    peers_.emplace(SiteId{i}, Peer{.transport = net::Transport{transport}, .paths = {}});
  }
  update_wakeup();
}

void Site::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& e) { on(e); }, event);
  update_wakeup();
  actions_ = nullptr;
}

void Site::on(const Wakeup&) {
  const auto due = [this](const auto& policy) {
    return policy.wakeup() && *policy.wakeup() <= now_;
  };
  for (auto& [id, peer] : peers_)
    if (due(peer.transport)) run_transport(id, Wakeup{});
  if (due(sync_)) run_sync(Wakeup{});
}

void Site::on(const PeerPacket& event) {
  if (peers_.contains(event.from)) run_transport(event.from, net::PacketReceived{event.packet});
}

void Site::on(const PeerMessage& event) {
  run_sync(train::SiteSync::Received{event.from, event.message.body});
}

void Site::on(const PathChanged& event) {
  Peer& peer = peers_.at(event.peer);
  const bool before = peer.up();
  peer.paths[event.path] = event.up;
  if (event.up)
    run_transport(event.peer, net::PathUp{event.path});
  else
    run_transport(event.peer, net::PathDown{event.path});
  if (!before && peer.up()) run_sync(train::SiteSync::PeerUp{event.peer});
  if (before && !peer.up()) run_sync(train::SiteSync::PeerDown{event.peer});
}

void Site::on(const Routed& event) {
  run_transport(event.peer, event.route);
}

void Site::run_sync(const train::SiteSync::Event& event) {
  std::vector<train::SiteSync::Action> actions;
  sync_.step(now_, event, actions);
  for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
}

void Site::run_transport(SiteId peer, const net::Transport::Event& event) {
  std::vector<net::Transport::Action> actions;
  peers_.at(peer).transport.step(now_, event, actions);
  for (const auto& action : actions) std::visit([&](const auto& a) { perform(peer, a); }, action);
}

void Site::perform(const train::SiteSync::Send& action) {
  Peer& peer = peers_.at(action.to);
  const SiteMessage message{action.message, action.attached,
                            action.attached ? attached_size(action.message) : 0};
  const net::TrafficClass traffic = class_of(message);
  const std::uint64_t id = peer.next_message++;
  actions_->push_back(HoldMessage{action.to, traffic, id, message});
  run_transport(action.to, net::SendMessage{traffic, id, message_size(message)});
}

void Site::perform(SiteId peer, const net::Transmit& action) {
  actions_->push_back(TransmitPacket{peer, action});
}
void Site::perform(SiteId peer, const net::Stored& action) {
  actions_->push_back(StoreBytes{peer, action});
}
void Site::perform(SiteId peer, const net::Deliver& action) {
  actions_->push_back(ReadMessage{peer, action});
}
void Site::perform(SiteId peer, const net::Acknowledged& action) {
  actions_->push_back(ReleaseMessage{peer, action.traffic, action.message});
}
void Site::perform(SiteId peer, const net::Discarded& action) {
  actions_->push_back(DropBytes{peer, action});
}

void Site::perform(SiteId peer, const net::PeerStarted&) {
  actions_->push_back(DropBytes{peer, std::nullopt});
  // Its agent is new and knows nothing of what was said to the one before.
  if (!peers_.at(peer).up()) return;
  run_sync(train::SiteSync::PeerDown{peer});
  run_sync(train::SiteSync::PeerUp{peer});
}

void Site::perform(SiteId peer, const net::Refused& action) {
  actions_->push_back(PeerMisbehaved{peer, action});
}

void Site::update_wakeup() {
  wakeup_ = sync_.wakeup();
  for (const auto& [id, peer] : peers_) {
    const auto at = peer.transport.wakeup();
    if (at && (!wakeup_ || *at < *wakeup_)) wakeup_ = at;
  }
}

}  // namespace axs::fabric
