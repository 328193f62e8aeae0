#include "axs/twin/twin.h"

#include <algorithm>
#include <utility>

namespace axs::twin {

using fabric::Site;

namespace {

using MessageKey = std::pair<net::TrafficClass, std::uint64_t>;

/// SplitMix64 streams of the world; a site's policies draw from none.
constexpr std::uint64_t pipe_stream = 1'000;

}  // namespace

struct Twin::SiteState {
  std::optional<Site> policy;
  WorkerModel worker;
  std::uint32_t life = 0;  ///< of the worker's process
  bool busy = false;       ///< a WorkDone is on its way
  Instant woken_at{-1};    ///< the earliest wakeup that is scheduled
  bool finished = false;
  /// What this site has sent and its peers have not acknowledged, by receiver.
  std::map<SiteId, std::map<MessageKey, fabric::SiteMessage>> held;
};

Twin::~Twin() = default;

Twin::Twin(Config config) : config_{std::move(config)}, rng_{config_.scenario.seed} {
  const catalog::Scenario& scenario = config_.scenario;
  AXS_ASSERT(config_.workers.size() == scenario.sites.size());
  for (const fabric::LinkPlan& link : config_.links) {
    const Rng rng = rng_.fork(pipe_stream + link.id.value);
    pipes_.push_back({net::Pipe{link.forth, rng.fork(0)}, net::Pipe{link.back, rng.fork(1)}});
    pipes_.back()[0].set_forecast(link.forth_forecast);
    pipes_.back()[1].set_forecast(link.back_forecast);
  }
  const std::uint32_t fragments = scenario.train.outer.fragments;
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i)
    sites_.push_back(std::make_unique<SiteState>(
        SiteState{.policy = {},
                  .worker = WorkerModel{SiteId{i}, fragments, config_.workers[i]},
                  .held = {}}));
}

Outcome Twin::run(Duration limit) {
  start();
  while (!queue_.empty() && finished_ < sites_.size() && queue_.next_at() <= Instant{} + limit) {
    now_ = queue_.next_at();
    Event event = queue_.pop();
    std::visit([this](auto& e) { on(e); }, event);
  }
  outcome_.finished = finished_ == sites_.size();
  outcome_.took = now_ - Instant{};
  outcome_.events = queue_.scheduled();
  outcome_.digest = digest_.value();
  for (const auto& site : sites_)
    outcome_.tokens = std::max(outcome_.tokens, site->policy->sync().budget().merged());
  for (const auto& link : pipes_)
    for (const net::Pipe& pipe : link) {
      outcome_.packets += pipe.counters().offered;
      outcome_.bytes += pipe.counters().offered_bytes;
    }
  return outcome_;
}

void Twin::start() {
  const catalog::Scenario& scenario = config_.scenario;
  const auto count = static_cast<std::uint32_t>(scenario.sites.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    const SiteId site{i};
    sites_[i]->policy.emplace(
        Site::Config{.incarnation = 1,
                     .sync = {.self = site,
                              .sites = count,
                              .period = scenario.train.outer.period,
                              .budget = {.tokens = scenario.train.tokens,
                                         .tokens_per_step = config_.workers[i].tokens_per_step,
                                         .fragments = scenario.train.outer.fragments},
                              .records = {},
                              .stored = {}}},
        local(site));
    for (std::uint32_t peer = 0; peer < count; ++peer)
      if (peer != i) queue_.push(now_ + config_.session_setup, SessionUp{site, SiteId{peer}});
    queue_.push(now_ + config_.workers[i].start, WorkerStarted{site});
    schedule_wakeup(site);
  }
}

void Twin::on(Packet& event) {
  step(event.to, Site::PeerPacket{event.from, std::move(event.packet)});
}

void Twin::on(const Woken& event) {
  SiteState& site = *sites_[event.site.value];
  if (event.local != site.woken_at) return;  // An earlier one was scheduled since, and has come.
  site.woken_at = Instant{-1};
  step(event.site, Wakeup{});
}

void Twin::on(const WorkerStarted& event) {
  step(event.site, sites_[event.site.value]->worker.restart());
  work(event.site);
}

void Twin::on(const WorkDone& event) {
  SiteState& site = *sites_[event.site.value];
  if (site.life != event.life) return;
  site.busy = false;
  if (event.work == WorkerModel::Work::step)
    site.worker.step();
  else
    step(event.site, site.worker.capture());
  work(event.site);
}

void Twin::on(const MergeDone& event) {
  if (sites_[event.site.value]->life != event.life) return;
  step(event.site, event.applied);
  work(event.site);
}

void Twin::on(const DiskSynced& event) {
  step(event.site, Site::Persisted{event.sequence});
}

void Twin::on(const SessionUp& event) {
  const std::vector<LinkId> links = paths(event.site, event.peer);
  const auto delay = [&](LinkId link) {
    const fabric::LinkPlan& plan = config_.links[link.value];
    return plan.forth_forecast.empty() ? plan.forth.delay : plan.forth_forecast.front().one_way;
  };
  std::vector<std::uint8_t> order;
  for (std::uint8_t i = 0; i < links.size(); ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::uint8_t a, std::uint8_t b) {
    return delay(links[a]) < delay(links[b]);
  });
  for (const auto traffic :
       {net::TrafficClass::control, net::TrafficClass::gradient, net::TrafficClass::bulk})
    step(event.site,
         Site::Routed{event.peer,
                      net::RouteSet{
                          traffic, net::PathId{order[0]},
                          order.size() > 1 ? std::optional{net::PathId{order[1]}} : std::nullopt}});
  for (std::uint8_t i = 0; i < links.size(); ++i)
    step(event.site, Site::PathChanged{event.peer, net::PathId{i}, true});
}

void Twin::step(SiteId id, const Site::Event& event) {
  SiteState& site = *sites_[id.value];
  const Instant now = local(id);
  std::vector<Site::Action> actions;
  site.policy->step(now, event, actions);
  digest_.record(now, id.value, event, actions);
  for (auto& action : actions) std::visit([&](auto& a) { perform(id, a); }, action);
  schedule_wakeup(id);
}

void Twin::perform(SiteId from, Site::TransmitPacket& action) {
  const LinkId link = paths(from, action.to)[action.transmit.packet.path.value];
  const bool forth = config_.links[link.value].a == from;
  const net::Admission admission =
      pipes_[link.value][forth ? 0 : 1].admit(now_, action.transmit.size);
  if (admission.arrives() && admission.fate != net::Fate::corrupted)
    queue_.push(admission.released_at, Packet{action.to, from, std::move(action.transmit.packet)});
}

void Twin::perform(SiteId site, const Site::HoldMessage& action) {
  sites_[site.value]->held[action.to][{action.traffic, action.id}] = action.message;
}

void Twin::perform(SiteId site, const Site::ReleaseMessage& action) {
  sites_[site.value]->held[action.to].erase({action.traffic, action.id});
}

void Twin::perform(SiteId, const Site::StoreBytes&) {}  // There are no bytes.
void Twin::perform(SiteId, const Site::DropBytes&) {}

void Twin::perform(SiteId site, const Site::ReadMessage& action) {
  // Not acknowledged yet, so the sender still holds it.
  const auto& held = sites_[action.from.value]->held[site];
  const auto message = held.find({action.deliver.traffic, action.deliver.message});
  AXS_ASSERT(message != held.end());
  step(site, Site::PeerMessage{action.from, message->second});
}

void Twin::perform(SiteId site, const Site::Capture& action) {
  sites_[site.value]->worker.order(action);
  work(site);
}

void Twin::perform(SiteId id, const Site::Apply& action) {
  SiteState& site = *sites_[id.value];
  outcome_.syncs = std::max(outcome_.syncs, action.sync.value + 1);
  queue_.push(now_ + site.worker.speed().apply,
              MergeDone{id, site.life, site.worker.apply(action)});
}

void Twin::perform(SiteId site, const Site::Persist& action) {
  queue_.push(now_ + config_.disk_sync, DiskSynced{site, action.sequence});
}

void Twin::perform(SiteId, const Site::Forget&) {}
void Twin::perform(SiteId, const Site::Closed&) {}
void Twin::perform(SiteId, const Site::Diverged&) {
  AXS_ASSERT(false);
}
void Twin::perform(SiteId, const Site::PeerMisbehaved&) {
  AXS_ASSERT(false);
}

void Twin::perform(SiteId id, const Site::Finished&) {
  SiteState& site = *sites_[id.value];
  if (!site.finished) ++finished_;
  site.finished = true;
}

void Twin::work(SiteId id) {
  SiteState& site = *sites_[id.value];
  if (site.busy) return;
  const WorkerModel::Work work = site.worker.next_work();
  if (work == WorkerModel::Work::wait) return;
  site.busy = true;
  const WorkerSpeed& speed = site.worker.speed();
  queue_.push(now_ + (work == WorkerModel::Work::step ? speed.step : speed.capture),
              WorkDone{id, site.life, work});
}

void Twin::schedule_wakeup(SiteId id) {
  SiteState& site = *sites_[id.value];
  const auto at = site.policy->wakeup();
  if (!at || (site.woken_at >= Instant{0} && site.woken_at <= *at)) return;
  site.woken_at = *at;
  queue_.push(std::max(global(id, *at), now_), Woken{id, *at});
}

Instant Twin::local(SiteId site) const {
  const catalog::ClockError& clock = config_.scenario.sites[site.value].clock;
  return now_ + clock.offset + scaled(now_ - Instant{}, clock.drift_ppm * 1e-6);
}

Instant Twin::global(SiteId site, Instant local) const {
  const catalog::ClockError& clock = config_.scenario.sites[site.value].clock;
  const Duration since = local - Instant{} - clock.offset;
  // Rounded up, so that the site is never woken before it asked to be.
  return Instant{} + from_seconds(since.seconds() / (1 + clock.drift_ppm * 1e-6)) + nanoseconds(2);
}

std::vector<LinkId> Twin::paths(SiteId from, SiteId to) const {
  std::vector<LinkId> links;
  for (const fabric::LinkPlan& link : config_.links)
    if ((link.a == from && link.b == to) || (link.a == to && link.b == from))
      links.push_back(link.id);
  return links;
}

}  // namespace axs::twin
