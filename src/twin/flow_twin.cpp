#include "axs/twin/flow_twin.h"

#include <algorithm>
#include <utility>

#include "axs/twin/flow_site.h"

namespace axs::twin {

using train::SiteSync;

namespace {

/// SplitMix64 streams: of the pipes of probes by direction, of the noise of fleets by site.
constexpr std::uint64_t pipe_stream = 1'000;
constexpr std::uint64_t noise_stream = 3'000'000;

constexpr Duration progress_every = seconds(60);

/// A flow has a byte per second at least: what carries less carries nothing.
BytesPerSecond rate_of_payload(const net::PipeConfig& pipe) {
  const BytesPerSecond rate = pipe.rate * ((1 - pipe.loss) * payload_share());
  return is_link_rate(rate) ? rate : BytesPerSecond{};
}

}  // namespace

double payload_share() {
  constexpr std::uint32_t packet = net::Transport::Config{}.packet_size;
  return static_cast<double>(packet - net::packet_overhead - net::data_overhead) /
         (packet + net::max_packet_overhead) * 0.98;
}

Result<> playable_as_flows(const catalog::Scenario& scenario) {
  const auto refuse = [&](const std::string& what) {
    return Error{Errc::invalid, scenario.name + ": " + what + ", which is not played as flows"};
  };
  if (scenario.train.sync != catalog::SyncMode::outer)
    return refuse("training with sync \"every-step\"");
  if (!scenario.transfers.empty()) return refuse("a bulk transfer");
  for (const catalog::Link& link : scenario.links)
    if (link.kind == catalog::LinkKind::trace) return refuse("a measured link");
  for (const catalog::Site& site : scenario.sites)
    if (site.clock.offset != Duration{} || site.clock.drift_ppm != 0)
      return refuse("a clock that is wrong");
  for (const catalog::Fault& fault : scenario.faults) {
    const auto* kill = std::get_if<catalog::KillProcess>(&fault.what);
    if (kill != nullptr && kill->process != catalog::Process::worker)
      return refuse("the kill of an agent or of the controller");
  }
  return Ok{};
}

FlowTwin::~FlowTwin() = default;

FlowTwin::FlowTwin(Config config)
    : config_{std::move(config)},
      rng_{config_.scenario.seed},
      topology_{fabric::topology_of(config_.scenario)},
      flows_{std::vector<FlowLink>(2 * config_.links.size())},  // What they are like, start() says.
      controller_{{.topology = topology_, .gradients = config_.gradients}},
      script_{config_.scenario.faults, config_.scenario.train.tokens, Instant{}},
      meter_{config_.fleets.size()} {
  AXS_ASSERT(playable_as_flows(config_.scenario).has_value());
  AXS_ASSERT(config_.fleets.size() == config_.scenario.sites.size());
  for (const fabric::LinkPlan& link : config_.links)
    for (const bool back : {false, true}) {
      const net::PipeConfig& pipe = back ? link.back : link.forth;
      const auto& forecast = back ? link.back_forecast : link.forth_forecast;
      const Rng rng = rng_.fork(pipe_stream + directions_.size());
      directions_.push_back({net::Pipe{pipe, rng}, rate_of_payload(pipe)});
      directions_.back().probes.set_forecast(forecast);
    }
  for (std::uint32_t i = 0; i < config_.fleets.size(); ++i) {
    auto sync = fabric::sync_config(config_.scenario, SiteId{i}, {});
    sites_.push_back(std::make_unique<SiteState>(SiteState{
        .sync = {std::get<SiteSync::Config>(std::move(sync)), Instant{}},
        .paths =
            net::PathWatch{
                {.self = SiteId{i}, .topology = topology_, .token = 1, .hellos = config_.hellos}},
        .worker = {SiteId{i}, config_.scenario.train.outer, config_.fleets[i].speed},
        .noise = rng_.fork(noise_stream + i)}));
  }
}

FleetOutcome FlowTwin::run(Duration limit, const std::function<void(Duration)>& progress) {
  start();
  const Instant end = Instant{} + limit;
  Instant told;
  while (finished_ < sites_.size()) {
    const Instant next = queue_.empty() ? end : std::min(queue_.next_at(), end);
    if (const auto sent = flows_.next(next)) {
      queue_.push(sent->arrived_at, Arrived{sent->flow});
      continue;
    }
    now_ = next;
    if (progress && now_ - told >= progress_every) {
      told = now_;
      progress(now_ - Instant{});
    }
    if (queue_.empty() || queue_.next_at() > end) break;
    Event event = queue_.pop();
    std::visit([this](auto& e) { on(e); }, event);
  }
  return outcome();
}

FleetOutcome FlowTwin::outcome() {
  FleetOutcome outcome = outcome_;
  outcome.finished = finished_ == sites_.size();
  outcome.took = now_ - Instant{};
  outcome.events = queue_.scheduled();
  outcome.digest = digest_.value();
  outcome.power = meter_.read(now_);
  double ideal = 0;  // Tokens per second.
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    const WorkerSpeed& speed = config_.fleets[i].speed;
    outcome.tokens = std::max(outcome.tokens, sites_[i]->sync.merged_tokens());
    outcome.computing += sites_[i]->computing.seconds() / outcome.took.seconds();
    ideal += static_cast<double>(speed.tokens_per_step) / speed.step.seconds();
  }
  outcome.computing /= static_cast<double>(sites_.size());
  outcome.goodput = static_cast<double>(outcome.tokens) / (ideal * outcome.took.seconds());
  return outcome;
}

void FlowTwin::start() {
  for (std::uint32_t i = 0; i < directions_.size(); ++i) on(LinkMoved{i, 0});
  for (std::uint32_t i = 0; i < sites_.size(); ++i) {
    const SiteId id{i};
    for (const SiteId peer : topology_.sites()) {
      if (peer == id) continue;
      SiteState::Peer& state = sites_[i]->peers[peer];
      state.paths_up.resize(topology_.paths(id, peer).size());
      for (SiteState::Lane& lane : state.lanes) lane.route = flows_.add_route({});
    }
    draws(id, config_.fleets[i].draw.idle);
    queue_.push(now_ + config_.fleets[i].speed.start, WorkerStarted{id, 0});
    await_failure(id);
    wake_watch(id);
    schedule_wakeup(id);
  }
  on(ScriptDue{std::nullopt});
}

void FlowTwin::on(const Woken& event) {
  SiteState& site = *sites_[event.site.value];
  if (event.at != site.woken_at) return;  // An earlier one came in between.
  site.woken_at.reset();
  if (site.paths.wakeup() && *site.paths.wakeup() <= now_) wake_watch(event.site);
  if (site.sync.wakeup() && *site.sync.wakeup() <= now_) sync(event.site, Wakeup{});
  schedule_wakeup(event.site);
}

void FlowTwin::schedule_wakeup(SiteId id) {
  SiteState& site = *sites_[id.value];
  auto at = site.sync.wakeup();
  if (site.paths.wakeup() && (!at || *site.paths.wakeup() < *at)) at = site.paths.wakeup();
  if (!at || (site.woken_at && *site.woken_at <= *at)) return;
  site.woken_at = std::max(*at, now_);
  queue_.push(*site.woken_at, Woken{id, *site.woken_at});
}

void FlowTwin::sync(SiteId id, const SiteSync::Event& event) {
  std::vector<SiteSync::Action> actions;
  sites_[id.value]->sync.step(now_, event, actions);
  digest_.record(now_, id.value, event, actions);
  for (const auto& action : actions) std::visit([&](const auto& a) { perform(id, a); }, action);
  schedule_wakeup(id);
}

void FlowTwin::on(const WorkerStarted& event) {
  SiteState& site = *sites_[event.site.value];
  if (site.time.life() != event.life) return;
  draws(event.site, config_.fleets[event.site.value].draw.waiting);
  sync(event.site, *site.worker.ready());
  work(event.site);
}

void FlowTwin::on(const WorkDone& event) {
  SiteState& site = *sites_[event.site.value];
  if (site.time.life() != event.life) return;
  site.time.end();
  if (event.work == WorkerModel::Work::step) site.computing += site.step_takes;
  draws(event.site, config_.fleets[event.site.value].draw.waiting);
  if (const auto captured = *site.worker.end(event.work)) sync(event.site, *captured);
  work(event.site);
}

void FlowTwin::on(const MergeDone& event) {
  if (sites_[event.site.value]->time.life() != event.life) return;
  sync(event.site, event.applied);
  work(event.site);
}

void FlowTwin::on(const DiskSynced& event) {
  sync(event.site, SiteSync::Persisted{event.sequence});
}

void FlowTwin::perform(SiteId id, const SiteSync::Capture& action) {
  sites_[id.value]->worker.order(action);
  work(id);
}

void FlowTwin::perform(SiteId id, const SiteSync::Apply& action) {
  SiteState& site = *sites_[id.value];
  outcome_.syncs = std::max(outcome_.syncs, action.sync.value + 1);
  queue_.push(now_, ScriptDue{action.merged_tokens});
  const Duration takes = site.worker.speed().apply;
  site.time.merge(now_, takes);
  queue_.push(now_ + takes, MergeDone{id, site.time.life(), *site.worker.apply(action)});
}

void FlowTwin::perform(SiteId id, const SiteSync::Persist& action) {
  queue_.push(now_ + config_.disk_sync, DiskSynced{id, action.sequence});
}

void FlowTwin::perform(SiteId id, const SiteSync::Send& action) {
  const auto* offer = std::get_if<train::Offer>(&action.message);
  const std::uint64_t attached = action.attached && offer ? offer->contribution.size : 0;
  send(id, action.to, {action.message, action.attached, attached});
}

void FlowTwin::perform(SiteId id, const SiteSync::Finished&) {
  if (!std::exchange(sites_[id.value]->finished, true)) ++finished_;
}

void FlowTwin::perform(SiteId, const SiteSync::Diverged&) {
  AXS_ASSERT(false);
}
void FlowTwin::perform(SiteId, const SiteSync::Refused&) {
  AXS_ASSERT(false);
}

void FlowTwin::work(SiteId id) {
  SiteState& site = *sites_[id.value];
  if (site.time.busy()) return;
  const WorkerModel::Work work = site.worker.next_work();
  if (work == WorkerModel::Work::wait) return;
  const Fleet& fleet = config_.fleets[id.value];
  const bool steps = work == WorkerModel::Work::step;
  Duration takes = site.worker.time_of(work);
  if (steps) takes = site.step_takes = scaled(takes, slowness(fleet, site.noise));
  const Instant done = site.time.begin(now_, takes);
  // A merge before it is a small part of the time: its energy is spread over all of it.
  if (steps) draws(id, fleet.draw.stepping(Seconds{(done - now_).seconds()}));
  queue_.push(done, WorkDone{id, site.time.life(), work});
}

void FlowTwin::lose_worker(SiteId id) {
  SiteState& site = *sites_[id.value];
  site.time.stop();
  draws(id, config_.fleets[id.value].draw.idle);
  sync(id, SiteSync::WorkerLost{});
  queue_.push(now_ + site.worker.speed().start, WorkerStarted{id, site.time.life()});
}

void FlowTwin::await_failure(SiteId id) {
  const Fleet& fleet = config_.fleets[id.value];
  if (fleet.between_failures == Duration{}) return;
  queue_.push(now_ + until_failure(fleet, sites_[id.value]->noise), AcceleratorFailed{id});
}

void FlowTwin::on(const AcceleratorFailed& event) {
  ++outcome_.failures;
  lose_worker(event.site);
  await_failure(event.site);
}

void FlowTwin::on(const ScriptDue& event) {
  if (event.merged)
    run_script(fabric::FaultScript::Merged{*event.merged});
  else
    run_script(Wakeup{});
}

void FlowTwin::run_script(const fabric::FaultScript::Event& event) {
  const auto before = script_.wakeup();
  std::vector<fabric::FaultScript::Action> actions;
  script_.step(now_, event, actions);
  digest_.record(now_, static_cast<std::uint32_t>(2 * sites_.size()), event, actions);
  for (const auto& action : actions)
    std::visit(
        [this]<class What>(const What& what) {
          inflict(what.fault, std::is_same_v<What, fabric::FaultScript::Begin>);
        },
        action);
  const auto after = script_.wakeup();
  if (after && (after != before || std::holds_alternative<Wakeup>(event)))
    queue_.push(std::max(*after, now_), ScriptDue{std::nullopt});
}

void FlowTwin::inflict(std::uint32_t fault, bool begins) {
  const catalog::Fault& cause = config_.scenario.faults[fault];
  begins ? faults_.begin(cause) : faults_.end(cause);
  const auto& what = cause.what;
  if (const auto* slow = std::get_if<catalog::SlowSite>(&what))
    sites_[slow->site.value]->worker.slow(faults_.slowness(slow->site));
  if (const auto* kill = std::get_if<catalog::KillProcess>(&what); kill != nullptr && begins)
    lose_worker(*kill->site);
  const auto* cut = std::get_if<catalog::CutLink>(&what);
  if (cut == nullptr) return;
  for (const std::uint32_t direction : {2 * cut->link.value, 2 * cut->link.value + 1}) {
    Direction& end = directions_[direction];
    if (begins)
      end.probes.cut(now_);
    else if (!faults_.is_cut(cut->link))
      end.probes.heal();
    set_link(direction);
  }
}

}  // namespace axs::twin
