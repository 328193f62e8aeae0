#include "axs/fabric/site.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace axs::fabric {

namespace {

/// What is small and urgent goes as control; what carries a tensor as gradient, or a file as bulk.
net::TrafficClass class_of(const SiteMessage& message) {
  if (piece_of(message.body) != nullptr) return net::TrafficClass::bulk;
  return message.attached_size > 0 ? net::TrafficClass::gradient : net::TrafficClass::control;
}

std::variant<train::SiteSync, train::RingSync> start_sync(const Site::Config& config, Instant now) {
  if (const auto* ring = std::get_if<train::RingSync::Config>(&config.sync))
    return train::RingSync{*ring, config.incarnation};
  return train::SiteSync{std::get<train::SiteSync::Config>(config.sync), now};
}

/// No encoding of the model has more.
std::uint64_t bytes_of_values(const catalog::Model& model) {
  return catalog::parameter_count(model) * sizeof(float);
}

}  // namespace

const TransferPiece* piece_of(const SiteMessageBody& body) {
  const auto* transfer = std::get_if<TransferMessage>(&body);
  return transfer == nullptr ? nullptr : std::get_if<TransferPiece>(transfer);
}

std::uint64_t message_size(const SiteMessage& message) {
  return sizeof(std::uint32_t) + to_wire(message.body).size() + message.attached_size;
}

SyncConfig sync_config(const catalog::Scenario& scenario, SiteId self, Kept kept) {
  const catalog::Train& train = scenario.train;
  const auto sites = static_cast<std::uint32_t>(scenario.sites.size());
  if (train.sync == catalog::SyncMode::every_step) {
    const std::uint64_t tokens = catalog::tokens_per_step(train, scenario.model, sites);
    return train::RingSync::Config{.self = self,
                                   .sites = sites,
                                   .steps = train::ring_steps(train.tokens, tokens),
                                   .tokens_per_step = tokens};
  }
  std::vector<std::uint64_t> steps;
  for (std::uint32_t i = 0; train.shares && i < sites; ++i)
    steps.push_back(catalog::site_tokens_per_step(train, scenario.model, SiteId{i}, sites));
  return train::SiteSync::Config{
      .self = self,
      .sites = sites,
      .contribution_max = std::max(train::contribution_carried, bytes_of_values(scenario.model)),
      .budget = {.tokens = train.tokens,
                 .tokens_per_step =
                     catalog::site_tokens_per_step(train, scenario.model, self, sites),
                 .fragments = train.outer.fragments,
                 .period = train.outer.period,
                 .site_steps = std::move(steps)},
      .records = std::move(kept.records),
      .stored = std::move(kept.stored)};
}

std::uint64_t largest_message(const catalog::Scenario& scenario) {
  return std::clamp(bytes_of_values(scenario.model), net::ReceiveWindow{}.bytes,
                    net::SendQueue::max_message);
}

Site::Site(Config config, Instant now)
    : self_{std::visit([](const auto& sync) { return sync.self; }, config.sync)},
      home_{config.home},
      sync_{start_sync(config, now)},
      transfers_{{.self = self_,
                  .incarnation = config.incarnation,
                  .transfers = config.transfers,
                  .budget_tokens = config.budget_tokens}},
      paths_{{.self = self_, .topology = config.topology, .token = config.incarnation}} {
  const auto plan = std::make_shared<const net::HandoverPlan>(std::move(config.handovers));
  for (const SiteId peer : config.topology.sites()) {
    if (peer == self_) continue;
    net::Transport::Config transport;
    transport.incarnation = config.incarnation;
    transport.window.largest = config.largest_message;
    peers_.emplace(peer, Peer{.transport = net::SteeredTransport{transport},
                              .handovers = {plan, config.topology.paths(self_, peer)}});
  }
  wakeup_ = now;  // The monitors begin with the first step.
}

template <class TrainingEvent>
void Site::run_sync(const TrainingEvent& event) {
  const auto run = [&]<class Sync>(Sync& sync) {
    if constexpr (std::is_constructible_v<typename Sync::Event, TrainingEvent>) {
      std::vector<typename Sync::Action> actions;
      sync.step(now_, event, actions);
      for (const auto& action : actions)
        std::visit([this](const auto& a) { this->perform(a); }, action);
    }
  };
  std::visit(run, sync_);
}

void Site::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  keep_off_handovers();
  std::visit([this](const auto& e) { on(e); }, event);
  count_tokens();
  cancel_void_pieces();
  update_wakeup();
  actions_ = nullptr;
}

namespace {

std::vector<net::HandoverKeeper::Seen> seen_paths(const net::PathMonitor& monitor,
                                                  const net::Transport& transport) {
  std::vector<net::HandoverKeeper::Seen> seen;
  for (const net::PathReport& path : monitor.reports()) {
    const auto sent = transport.statistics(path.path);
    seen.push_back({.up = path.up,
                    .rtt = path.rtt,
                    .queue = sent ? sent->queue : Duration{},
                    .cost = net::latency_cost(path)});
  }
  return seen;
}

}  // namespace

/// First of all in a step, for after a hold the next one may follow at once.
void Site::keep_off_handovers() {
  for (auto& [id, peer] : peers_) {
    if (!peer.handovers.wakeup() || *peer.handovers.wakeup() > now_) continue;
    std::vector<net::PathHold> holds;
    peer.handovers.step(now_, seen_paths(paths_.monitor(id), peer.transport.transport()), holds);
    for (const net::PathHold& hold : holds) {
      const net::PathMonitor& monitor = paths_.monitor(id);
      const auto& route = monitor.routes()[static_cast<std::size_t>(net::TrafficClass::gradient)];
      if (route && route->primary == hold.path && monitor.busy())
        actions_->push_back(HandoverKept{id, hold, hold.until - now_});
      watch(id, hold);
      run_transport(id, hold);
    }
  }
}

void Site::on(const Wakeup&) {
  const auto due = [this](const auto& policy) {
    return policy.wakeup() && *policy.wakeup() <= now_;
  };
  for (auto& [id, peer] : peers_)
    if (due(peer.transport)) run_transport(id, Wakeup{});
  if (due(paths_)) {
    std::vector<net::PathWatch::Action> actions;
    paths_.step(now_, Wakeup{}, actions);
    perform(actions);
  }
  if (std::visit(due, sync_)) run_sync(Wakeup{});
  if (due(transfers_)) run_transfers(Wakeup{});
}

void Site::on(const PeerPacket& event) {
  if (!peers_.contains(event.from)) return;
  watch(event.from, net::TrafficReceived{event.packet.path, event.waited});
  run_transport(event.from, net::PacketReceived{event.packet, event.waited});
}

void Site::on(const PeerHello& event) {
  if (peers_.contains(event.from)) watch(event.from, event.hello);
}

void Site::on(const PeerHelloReply& event) {
  if (peers_.contains(event.from)) watch(event.from, event.reply);
}

namespace {

/// The bytes that travel with a message are those that it speaks of.
bool consistent(const SiteMessage& message) {
  if (const auto* piece = piece_of(message.body))
    return !message.attached && message.attached_size == piece->size;
  const auto* sync = std::get_if<train::SyncMessage>(&message.body);
  const auto* offer = sync == nullptr ? nullptr : std::get_if<train::Offer>(sync);
  if (offer == nullptr || offer->contribution.tokens.count() == 0) return !message.attached;
  return message.attached == offer->contribution.content &&
         message.attached_size == offer->contribution.size;
}

}  // namespace

void Site::on(const PeerMessage& event) {
  if (!consistent(event.message))
    return actions_->push_back(PeerMisbehaved{event.from, std::nullopt});
  std::visit([&](const auto& body) { read(event.from, body); }, event.message.body);
}

void Site::on(const ControllerOrder& event) {
  if (event.order.from == self_) return read(self_, event.order);
  send(event.order.from, SiteMessage{event.order, std::nullopt, 0});
}

void Site::read(SiteId from, const train::SyncMessage& body) {
  run_sync(train::SiteSync::Received{from, body});
}

void Site::read(SiteId from, const train::RingMessage& body) {
  run_sync(train::RingSync::Received{from, body});
}

void Site::read(SiteId, const net::LinkReport& body) {
  if (self_ == home_) actions_->push_back(ReportToController{body});
}

void Site::read(SiteId from, const net::RouteOrder& body) {
  // Only the home site speaks for the controller.
  if ((from == home_ || from == self_) && body.from == self_ && peers_.contains(body.to))
    obey(body);
}

void Site::obey(const net::RouteOrder& order) {
  const net::Fence before = monitor(order.to).applied();
  watch(order.to, net::OrderReceived{order});
  if (monitor(order.to).applied() == before) return;
  std::vector<net::Transport::Action> actions;
  if (!peers_.at(order.to).transport.obey(now_, order, actions))
    actions_->push_back(PeerMisbehaved{home_, std::nullopt});
  perform(order.to, actions);
}

void Site::read(SiteId from, const TransferMessage& body) {
  run_transfers(Transfers::Heard{from, body});
}

void Site::run_transfers(const Transfers::Event& event) {
  std::vector<TransferAction> actions;
  transfers_.step(now_, event, actions);
  for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
}

void Site::count_tokens() {
  if (!transfers_.counts_tokens()) return;
  constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
  run_transfers(Transfers::Merged{trained_ ? all : merged_tokens()});
}

void Site::run_transport(SiteId peer, const net::Transport::Event& event) {
  std::vector<net::Transport::Action> actions;
  net::SteeredTransport& transport = peers_.at(peer).transport;
  transport.step(now_, event, actions);
  perform(peer, actions);
  if (transport.lapsed()) actions_->push_back(LeaseLost{peer, std::nullopt});
  if (transport.has_news()) watch(peer, net::ReportWanted{});
}

void Site::perform(SiteId peer, const std::vector<net::Transport::Action>& actions) {
  for (const auto& action : actions) std::visit([&](const auto& a) { perform(peer, a); }, action);
}

void Site::watch(SiteId peer, const net::PathMonitor::Event& event) {
  std::vector<net::PathWatch::Action> actions;
  paths_.step(now_, {peer, event}, actions);
  perform(actions);
}

void Site::perform(const std::vector<net::PathWatch::Action>& actions) {
  for (const auto& [peer, what] : actions)
    std::visit([&](const auto& action) { perform(peer, action); }, what);
}

void Site::perform(const train::SiteSync::Send& action) {
  const auto* offer = std::get_if<train::Offer>(&action.message);
  const std::uint64_t attached = action.attached && offer ? offer->contribution.size : 0;
  send(action.to, SiteMessage{action.message, action.attached, attached});
}

void Site::perform(const train::RingSync::Send& action) {
  const auto* chunk = std::get_if<train::Chunk>(&action.message);
  send(action.to, SiteMessage{action.message, std::nullopt, chunk ? chunk->size : 0});
}

void Site::send(SiteId to, const SiteMessage& message) {
  Peer& peer = peers_.at(to);
  const net::TrafficClass traffic = class_of(message);
  const std::uint64_t id = peer.next_message++;
  actions_->push_back(HoldMessage{to, traffic, id, message});
  if (traffic == net::TrafficClass::bulk) peer.pieces.insert(id);
  run_transport(to, net::SendMessage{traffic, id, message_size(message)});
}

/// They were sent to an earlier life of the peer, and each life says anew what it lacks. Last in a
/// step, for its packets may still tell of them.
void Site::cancel_void_pieces() {
  for (const SiteId id : std::exchange(restarted_, {}))
    for (const std::uint64_t piece : std::exchange(peers_.at(id).pieces, {})) {
      run_transport(id, net::CancelMessage{net::TrafficClass::bulk, piece});
      actions_->push_back(ReleaseMessage{id, net::TrafficClass::bulk, piece});
    }
}

void Site::perform(const train::SiteSync::Refused& action) {
  actions_->push_back(PeerMisbehaved{action.from, std::nullopt});
}

void Site::perform(const train::SiteSync::Finished& action) {
  trained_ = true;
  actions_->push_back(action);
}

void Site::perform(const SendTransferMessage& action) {
  const SiteMessageBody body{action.message};
  const TransferPiece* piece = piece_of(body);
  send(action.to, SiteMessage{body, std::nullopt, piece ? piece->size : 0});
}

void Site::perform(const TransferLie& action) {
  actions_->push_back(PeerMisbehaved{action.from, std::nullopt});
}

void Site::perform(SiteId peer, const net::Transmit& action) {
  paths_.sent(now_, peer, action.packet.path);
  actions_->push_back(TransmitPacket{peer, action});
}
void Site::perform(SiteId peer, const net::Stored& action) {
  actions_->push_back(StoreBytes{peer, action});
}
void Site::perform(SiteId peer, const net::RepairStored& action) {
  actions_->push_back(StoreRepair{peer, action});
}
void Site::perform(SiteId peer, const net::Rebuilt& action) {
  actions_->push_back(RebuildBytes{peer, action});
}
void Site::perform(SiteId peer, const net::Deliver& action) {
  actions_->push_back(ReadMessage{peer, action});
}
void Site::perform(SiteId peer, const net::Acknowledged& action) {
  if (action.traffic == net::TrafficClass::bulk) peers_.at(peer).pieces.erase(action.message);
  actions_->push_back(ReleaseMessage{peer, action.traffic, action.message});
}
void Site::perform(SiteId peer, const net::Discarded& action) {
  actions_->push_back(DropBytes{peer, action});
}

void Site::perform(SiteId peer, const net::PeerStarted&) {
  actions_->push_back(DropBytes{peer, std::nullopt});
  restarted_.push_back(peer);
  run_transfers(Transfers::PeerStarted{peer});
  // Its agent is new and knows nothing of what was said to the one before.
  if (!peers_.at(peer).up) return;
  run_sync(train::SiteSync::PeerDown{peer});
  run_sync(train::SiteSync::PeerUp{peer});
}

void Site::perform(SiteId peer, const net::Refused& action) {
  actions_->push_back(PeerMisbehaved{peer, action});
}

void Site::perform(SiteId peer, const net::Hello& action) {
  actions_->push_back(SendHello{peer, action});
}
void Site::perform(SiteId peer, const net::HelloReply& action) {
  actions_->push_back(SendHelloReply{peer, action});
}

void Site::perform(SiteId peer, const net::LinkReport& action) {
  net::LinkReport report = action;
  peers_.at(peer).transport.describe(now_, report);
  // The transport sees the window of a transfer, piece by piece; its plan wants all of it.
  report.use.bulk_waiting += transfers_.left(peer);
  if (self_ == home_)
    actions_->push_back(ReportToController{report});
  else if (peers_.at(home_).up)
    send(home_, SiteMessage{report, std::nullopt, 0});
}

void Site::perform(SiteId peer, const net::PathUp& action) {
  actions_->push_back(PathState{peer, action.path, true});
  run_transport(peer, action);
}
void Site::perform(SiteId peer, const net::PathDown& action) {
  actions_->push_back(PathState{peer, action.path, false});
  if (std::ranges::count(lease(peer).paths, action.path) > 0)
    actions_->push_back(LeaseLost{peer, action.path});
  run_transport(peer, action);
}
void Site::perform(SiteId peer, const net::RouteSet& action) {
  run_transport(peer, action);
}

void Site::perform(SiteId peer, const net::PeerUp&) {
  peers_.at(peer).up = true;
  run_sync(train::SiteSync::PeerUp{peer});
}
void Site::perform(SiteId peer, const net::PeerDown&) {
  peers_.at(peer).up = false;
  run_sync(train::SiteSync::PeerDown{peer});
}

void Site::perform(SiteId, const net::RouteChanged& action) {
  actions_->push_back(action);
}
void Site::perform(SiteId, const net::OrderRefused&) {}  // The controller repeats a newer one.

std::uint64_t Site::merged_tokens() const {
  return std::visit([](const auto& sync) { return sync.merged_tokens(); }, sync_);
}

const train::Decision* Site::decision(train::SyncId sync) const {
  const auto* outer = std::get_if<train::SiteSync>(&sync_);
  return outer ? outer->decision(sync) : nullptr;
}

void Site::update_wakeup() {
  wakeup_ = std::visit([](const auto& sync) { return sync.wakeup(); }, sync_);
  const auto consider = [this](std::optional<Instant> at) {
    if (at && (!wakeup_ || *at < *wakeup_)) wakeup_ = at;
  };
  consider(paths_.wakeup());
  consider(transfers_.wakeup());
  for (const auto& [id, peer] : peers_) {
    consider(peer.transport.wakeup());
    consider(peer.handovers.wakeup());
  }
}

}  // namespace axs::fabric
