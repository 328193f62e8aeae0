#include "axs/twin/twin.h"

#include <algorithm>
#include <utility>

#include "axs/fabric/gradient_demands.h"
#include "axs/fabric/story.h"
#include "axs/twin/site_state.h"

namespace axs::twin {

using fabric::Site;

namespace {

/// SplitMix64 streams of the world; a site's policies draw from none.
constexpr std::uint64_t pipe_stream = 1'000;

constexpr SiteId home{0};

constexpr Duration agent_restart = seconds(1);
/// A person restarts the controller, not the agents.
constexpr Duration controller_restart = seconds(60);

}  // namespace

Twin::~Twin() = default;

Twin::Twin(Config config)
    : config_{std::move(config)},
      rng_{config_.scenario.seed},
      topology_{fabric::topology_of(config_.scenario)},
      script_{config_.scenario.faults, config_.scenario.train.tokens, Instant{}} {
  const catalog::Scenario& scenario = config_.scenario;
  AXS_ASSERT(config_.workers.size() == scenario.sites.size());
  for (const fabric::LinkPlan& link : config_.links) {
    const Rng rng = rng_.fork(pipe_stream + link.id.value);
    pipes_.push_back({net::Pipe{link.forth, rng.fork(0)}, net::Pipe{link.back, rng.fork(1)}});
    pipes_.back()[0].set_forecast(link.forth_forecast);
    pipes_.back()[1].set_forecast(link.back_forecast);
    cut_at_.push_back(Instant{-1});
  }
  const bool every_step = scenario.train.sync == catalog::SyncMode::every_step;
  AXS_ASSERT(!every_step || config_.real_workers.empty());
  std::uint64_t tokens_per_step = 0;
  for (const WorkerSpeed& speed : config_.workers) tokens_per_step += speed.tokens_per_step;
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i) {
    const WorkerSpeed& speed = config_.workers[i];
    auto worker = config_.real_workers.empty()
                      ? std::make_shared<WorkerModel>(SiteId{i}, scenario.train.outer, speed)
                      : config_.real_workers[i];
    sites_.push_back(std::make_unique<SiteState>(
        SiteState{.policy = {}, .worker = std::move(worker), .held = {}}));
    if (every_step) sites_.back()->ring.emplace(SiteId{i}, scenario, tokens_per_step);
  }
}

Outcome Twin::run(Duration limit) {
  start();
  while (!queue_.empty() && !finished() && !failure_ && queue_.next_at() <= Instant{} + limit)
    next();
  return outcome();
}

void Twin::play(Instant until) {
  while (!queue_.empty() && !failure_ && queue_.next_at() <= until) next();
  now_ = std::max(now_, until);
}

void Twin::next() {
  now_ = queue_.next_at();
  note_traffic();
  Event event = queue_.pop();
  std::visit([this](auto& e) { on(e); }, event);
}

Outcome Twin::outcome() const {
  Outcome outcome = outcome_;
  outcome.finished = finished() && !failure_;
  outcome.took = now_ - Instant{};
  outcome.events = queue_.scheduled();
  outcome.digest = digest_.value();
  for (const auto& site : sites_)
    if (site->policy) outcome.tokens = std::max(outcome.tokens, site->policy->merged_tokens());
  for (const auto& link : pipes_)
    for (const net::Pipe& pipe : link) {
      outcome.packets += pipe.counters().offered;
      outcome.bytes += pipe.counters().offered_bytes;
    }
  return outcome;
}

const Site* Twin::agent(SiteId site) const {
  const auto& policy = sites_[site.value]->policy;
  return policy ? &*policy : nullptr;
}

void Twin::start() {
  for (std::uint32_t i = 0; i < sites_.size(); ++i) on(AgentStarted{SiteId{i}});
  on(ControllerStarted{});
  on(ScriptDue{std::nullopt});
}

void Twin::on(const ControllerStarted&) {
  controller_.emplace(
      net::Controller::Config{.topology = topology_,
                              .term = ++controller_term_,
                              .gradients = fabric::gradient_demands(config_.scenario)});
}

void Twin::on(const AgentStarted& event) {
  SiteState& site = *sites_[event.site.value];
  ++site.incarnation;
  site.woken_at.reset();
  fabric::Kept kept{site.disk, {site.store.begin(), site.store.end()}};
  site.policy.emplace(
      Site::Config{.incarnation = site.incarnation,
                   .topology = topology_,
                   .home = home,
                   .largest_message = fabric::largest_message(config_.scenario),
                   .sync = fabric::sync_config(config_.scenario, event.site, std::move(kept)),
                   .handovers = fabric::handover_plan(
                       fabric::planned_breaks(config_.links, config_.handovers_known),
                       config_.scenario.sites[event.site.value]),
                   .transfers = config_.scenario.transfers,
                   .budget_tokens = config_.scenario.train.tokens},
      local(event.site));
  if (config_.witness != nullptr) config_.witness->started(event.site);
  note(event.site, catalog::SiteStarted{site.incarnation, 0});
  open_tunnels(event.site);
  start_worker(event.site);
  schedule_wakeup(event.site);
}

void Twin::start_worker(SiteId site) {
  const SiteState& state = *sites_[site.value];
  state.worker->start();
  queue_.push(now_ + state.worker->speed().start, WorkerStarted{site, state.time.life()});
}

void Twin::on(const Woken& event) {
  SiteState& site = *sites_[event.site.value];
  // An earlier one may have been scheduled since, and have come.
  if (event.incarnation != site.incarnation || event.local != site.woken_at) return;
  site.woken_at.reset();
  if (site.policy) step(event.site, Wakeup{});
}

void Twin::on(const WorkerStarted& event) {
  SiteState& site = *sites_[event.site.value];
  if (site.time.life() != event.life || !site.policy) return;
  note(event.site, catalog::WorkerStarted{});
  const auto ready = site.ring ? Result{site.ring->restart()} : site.worker->ready();
  if (!ready) return fail(ready.error());
  note_ready(event.site, *ready);
  step(event.site, *ready);
  work(event.site);
}

void Twin::on(const WorkDone& event) {
  SiteState& site = *sites_[event.site.value];
  if (site.time.life() != event.life || !site.policy) return;
  site.time.end();
  if (site.ring) {
    pass_on(event.site, site.ring->end_step());
  } else {
    const auto captured = site.worker->end(event.work);
    if (!captured) return fail(captured.error());
    if (event.work == Worker::Work::step) note_progress(event.site);
    if (*captured) take_capture(event.site, **captured);
  }
  work(event.site);
}

void Twin::take_capture(SiteId site, const train::SiteSync::Captured& captured) {
  const train::Contribution& part = captured.contribution;
  sites_[site.value]->store.insert(part.content);
  note(site,
       catalog::Contributed{captured.sync.value, part.tokens.begin, part.tokens.end, part.size});
  step(site, captured);
}

void Twin::on(const MergeDone& event) {
  SiteState& site = *sites_[event.site.value];
  if (site.time.life() != event.life || !site.policy) return;
  note(event.site, site.merging.extract(event.applied.sync).mapped());
  step(event.site, event.applied);
  work(event.site);
}

void Twin::on(const RingApplied& event) {
  SiteState& site = *sites_[event.site.value];
  if (site.time.life() != event.life || !site.policy || site.ring->attempt() != event.attempt)
    return;
  const train::RingSync::Applied applied = site.ring->apply();
  note(event.site, fabric::every_step_applied(config_.scenario, applied.sync.value, applied.hash));
  note_progress(event.site);
  step(event.site, applied);
  queue_.push(now_, ScriptDue{site.policy->merged_tokens()});
  work(event.site);
}

void Twin::on(const DiskSynced& event) {
  SiteState& site = *sites_[event.site.value];
  if (event.incarnation != site.incarnation || !site.policy) return;
  site.disk.push_back(event.record);
  step(event.site, Site::Persisted{event.sequence});
}

void Twin::step(SiteId id, const Site::Event& event) {
  SiteState& site = *sites_[id.value];
  const Instant now = local(id);
  std::vector<Site::Action> actions;
  if (config_.witness != nullptr) config_.witness->learns(id, event);
  site.policy->step(now, event, actions);
  digest_.record(now, id.value, event, actions);
  for (auto& action : actions) {
    if (config_.witness != nullptr) config_.witness->decided(id, action);
    std::visit([&](auto& a) { perform(id, a); }, action);
  }
  schedule_wakeup(id);
}

void Twin::perform(SiteId, const Site::ReportToController& action) {
  note_route(action.report);
  if (!controller_) return;
  const net::ReportReceived event{action.report};
  std::vector<net::Controller::Action> actions;
  controller_->step(local(home), event, actions);
  digest_.record(local(home), static_cast<std::uint32_t>(sites_.size()) + 1, event, actions);
  for (const auto& decided : actions) {
    if (const auto* change = std::get_if<net::RouteChanged>(&decided))
      note_world(fabric::route_ordered(config_.scenario, topology_, *change));
    if (const auto* lease = std::get_if<net::LeaseGranted>(&decided))
      note_world(fabric::lease_granted(config_.scenario, topology_, *lease));
    if (const auto* order = std::get_if<net::RouteOrder>(&decided))
      step(home, Site::ControllerOrder{*order});
  }
}

void Twin::perform(SiteId site, const Site::RouteChanged& action) {
  ++outcome_.reroutes;
  note(site, fabric::route_changed(config_.scenario, topology_, action));
}

void Twin::perform(SiteId site, const Site::PathState& action) {
  const std::string path =
      fabric::path_name(config_.scenario, topology_, {site, action.peer, action.path});
  if (action.up)
    note(site, catalog::PathUp{name(action.peer), path});
  else
    note(site, catalog::PathDown{name(action.peer), path});
}

void Twin::perform(SiteId site, const Site::HandoverKept& action) {
  note(site, fabric::handover_kept(config_.scenario, topology_, site, action));
}

void Twin::perform(SiteId site, const Site::LeaseLost& action) {
  note(site, fabric::lease_lost(config_.scenario, topology_, site, action));
}

void Twin::perform(SiteId site, const Site::HoldMessage& action) {
  sites_[site.value]->held[action.to][{action.traffic, action.id}] = action.message;
}

void Twin::perform(SiteId site, const Site::ReleaseMessage& action) {
  sites_[site.value]->held[action.to].erase({action.traffic, action.id});
}

void Twin::perform(SiteId, const Site::DropBytes&) {}

void Twin::perform(SiteId site, const Site::ReadMessage& action) {
  // Not acknowledged yet, so the sender still holds it, unless it has died since.
  const auto& held = sites_[action.from.value]->held[site];
  const auto found = held.find({action.deliver.traffic, action.deliver.message});
  if (found == held.end()) return;
  const fabric::SiteMessage message = found->second;
  if (message.attached) sites_[site.value]->store.insert(*message.attached);
  step(site, Site::PeerMessage{action.from, message});
}

void Twin::perform(SiteId site, const Site::Capture& action) {
  sites_[site.value]->worker->order(action);
  work(site);
}

void Twin::perform(SiteId site, const Site::Foresee& action) {
  sites_[site.value]->worker->foresee(action);
}

void Twin::perform(SiteId id, const Site::Apply& action) {
  SiteState& site = *sites_[id.value];
  outcome_.syncs = std::max(outcome_.syncs, action.sync.value + 1);
  // What the script makes of it happens after all that the site has just decided.
  queue_.push(now_, ScriptDue{action.merged_tokens});
  const auto applied = site.worker->apply(action);
  if (!applied) return fail(applied.error());
  site.merging.insert_or_assign(action.sync, told(action, applied->hash));
  const Duration takes = site.worker->speed().apply;
  site.time.merge(now_, takes);
  queue_.push(now_ + takes, MergeDone{id, site.time.life(), *applied});
}

void Twin::perform(SiteId site, const Site::RingOrder& action) {
  step(site, sites_[site.value]->ring->obey(action));
  work(site);
}

void Twin::perform(SiteId site, const Site::GiveChunk& action) {
  pass_on(site, sites_[site.value]->ring->take(action.chunk));
}

/// What the worker sends now; and it goes on if that was the last that it needed.
void Twin::pass_on(SiteId id, const std::vector<train::Chunk>& chunks) {
  SiteState& site = *sites_[id.value];
  for (const train::Chunk& chunk : chunks) step(id, Site::ChunkMade{chunk});
  if (!site.ring->begins_apply()) return;
  outcome_.syncs = std::max(outcome_.syncs, site.ring->step().value + 1);
  queue_.push(now_ + site.worker->speed().apply,
              RingApplied{id, site.time.life(), site.ring->attempt()});
}

void Twin::perform(SiteId site, const Site::Persist& action) {
  queue_.push(now_ + config_.disk_sync,
              DiskSynced{site, sites_[site.value]->incarnation, action.sequence, action.record});
}

void Twin::perform(SiteId site, const Site::Forget& action) {
  sites_[site.value]->store.erase(action.content);
}

void Twin::perform(SiteId site, const Site::Closed& action) {
  note(site, catalog::SyncClosed{action.sync.value, action.members, action.waited});
}
void Twin::perform(SiteId site, const Site::Diverged& action) {
  fail({Errc::corrupt, "sync " + std::to_string(action.sync.value) + ": " + name(site) + " and " +
                           name(action.other) + " have merged the same to other parameters"});
}
void Twin::perform(SiteId, const Site::PeerMisbehaved&) {
  AXS_ASSERT(false);
}

void Twin::perform(SiteId id, const Site::Finished&) {
  SiteState& site = *sites_[id.value];
  if (std::exchange(site.finished, true)) return;
  ++finished_;
  note(id, catalog::SiteFinished{site.policy->merged_tokens()});
}

void Twin::on(const ScriptDue& event) {
  if (event.merged)
    run_script(fabric::FaultScript::Merged{*event.merged});
  else
    run_script(Wakeup{});
}

void Twin::run_script(const fabric::FaultScript::Event& event) {
  const auto before = script_.wakeup();
  std::vector<fabric::FaultScript::Action> actions;
  script_.step(now_, event, actions);
  digest_.record(now_, static_cast<std::uint32_t>(sites_.size()), event, actions);
  for (const auto& action : actions) std::visit([this](const auto& a) { inflict(a); }, action);
  const auto after = script_.wakeup();
  if (after && (after != before || std::holds_alternative<Wakeup>(event)))
    queue_.push(std::max(*after, now_), ScriptDue{std::nullopt});
}

void Twin::inflict(const fabric::FaultScript::Begin& action) {
  note_world(fabric::fault_began(config_.scenario, action.fault));
  faults_.begin(config_.scenario.faults[action.fault]);
  const auto& what = config_.scenario.faults[action.fault].what;
  if (const auto* cut = std::get_if<catalog::CutLink>(&what)) cut_link(cut->link, true);
  if (const auto* slow = std::get_if<catalog::SlowSite>(&what)) slow_worker(slow->site);
  const auto* kill = std::get_if<catalog::KillProcess>(&what);
  if (kill == nullptr) return;
  if (kill->process == catalog::Process::controller) {
    controller_.reset();
    queue_.push(now_ + controller_restart, ControllerStarted{});
    return;
  }
  if (kill->process == catalog::Process::worker) kill_worker(*kill->site);
  if (kill->process == catalog::Process::agent) kill_agent(*kill->site);
}

void Twin::inflict(const fabric::FaultScript::End& action) {
  note_world(catalog::FaultEnded{action.fault});
  faults_.end(config_.scenario.faults[action.fault]);
  const auto& what = config_.scenario.faults[action.fault].what;
  if (const auto* cut = std::get_if<catalog::CutLink>(&what)) cut_link(cut->link, false);
  if (const auto* slow = std::get_if<catalog::SlowSite>(&what)) slow_worker(slow->site);
}

void Twin::slow_worker(SiteId site) {
  sites_[site.value]->worker->slow(faults_.slowness(site));
}

void Twin::cut_link(LinkId link, bool cut) {
  for (net::Pipe& pipe : pipes_[link.value])
    if (cut)
      pipe.cut(now_);
    else if (!faults_.is_cut(link))
      pipe.heal();
  if (cut) cut_at_[link.value] = now_;
  if (config_.witness != nullptr) config_.witness->cut_or_healed(link);
}

void Twin::kill_worker(SiteId id) {
  SiteState& site = *sites_[id.value];
  if (!site.policy) return;
  site.time.stop();
  note(id, catalog::WorkerLost{"killed by signal 9"});
  step(id, Site::WorkerLost{});
  start_worker(id);
}

/// Its worker dies with it; what it had not synced is lost. Somebody starts it again.
void Twin::kill_agent(SiteId id) {
  SiteState& site = *sites_[id.value];
  if (!site.policy) return;
  site.time.stop();
  site.policy.reset();
  if (config_.witness != nullptr) config_.witness->died(id);
  site.tunnels.clear();
  site.held.clear();
  for (auto& [transfer, file] : site.received) file.waiting.clear();
  queue_.push(now_ + agent_restart, AgentStarted{id});
}

void Twin::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
}

void Twin::work(SiteId id) {
  SiteState& site = *sites_[id.value];
  if (site.time.busy()) return;
  Worker::Work work = site.ring ? Worker::Work::wait : site.worker->next_work();
  if (site.ring && site.ring->wants_step()) {
    site.ring->begin_step();
    work = Worker::Work::step;
  }
  if (work == Worker::Work::wait) return;
  site.worker->begin(work);
  queue_.push(site.time.begin(now_, site.worker->time_of(work)),
              WorkDone{id, site.time.life(), work});
}

void Twin::schedule_wakeup(SiteId id) {
  SiteState& site = *sites_[id.value];
  if (!site.policy) return;
  const auto at = site.policy->wakeup();
  if (!at || (site.woken_at && *site.woken_at <= *at)) return;
  site.woken_at = *at;
  queue_.push(std::max(global(id, *at), now_), Woken{id, site.incarnation, *at});
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

}  // namespace axs::twin
