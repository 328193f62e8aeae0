#include "axs/live/agent.h"

#include <unistd.h>

#include <algorithm>

#include "axs/fabric/link_plan.h"
#include "axs/fabric/story.h"
#include "axs/host/file.h"
#include "axs/host/signals.h"
#include "axs/live/incarnation.h"

namespace axs::live {

using fabric::Site;
using train::SyncId;

namespace {

constexpr std::size_t journal_backlog = std::size_t{16} << 20;
/// How long a worker that was asked to save and end may take.
constexpr Duration quit_patience = seconds(5);

host::RunClock clock_of(const AgentConfig& config) {
  const catalog::ClockError& error = config.scenario.sites[config.site.value].clock;
  return host::RunClock::resume(config.clock, {}, {error.offset, error.drift_ppm});
}

}  // namespace

Result<Agent::Stores> Agent::open_stores(const AgentConfig& config) {
  AXS_TRY(host::make_folder(config.folder));
  host::FileLock lock = AXS_TRY(host::FileLock::acquire(config.folder + "/lock"));
  const train::SyncId noted{syncs_noted(config.folder + "/events.jsonl")};
  EventLog log = AXS_TRY(EventLog::open(config.folder + "/events.jsonl"));
  BlobStore blobs = AXS_TRY(BlobStore::open(config.folder + "/blobs"));
  std::vector<train::AgreementRecord> records;
  const auto replay = [&records](std::uint64_t, ByteView payload) -> Result<> {
    records.push_back(AXS_TRY(from_wire<train::AgreementRecord>(payload, "journal")));
    return Ok{};
  };
  host::Journal journal = AXS_TRY(host::Journal::open(config.folder + "/journal", {}, replay));
  const SiteStage stage = AXS_TRY(load_stage(config.folder));
  const std::uint32_t incarnation =
      AXS_TRY(next_incarnation(config.folder + "/incarnation", host::FileAccess::everyone));
  return Stores{std::move(lock), std::move(log), std::move(blobs),   std::move(journal),
                incarnation,     stage,          std::move(records), noted};
}

Result<std::unique_ptr<Agent>> Agent::open(AgentConfig config) {
  Stores stores = AXS_TRY(open_stores(config));
  host::Journal journal = std::move(stores.journal);
  auto loop = AXS_TRY(host::Loop::create(clock_of(config)));
  std::unique_ptr<Agent> agent{new Agent{std::move(config), std::move(stores), std::move(loop)}};
  AXS_TRY(agent->connect(std::move(journal)));
  return agent;
}

Agent::Agent(AgentConfig config, Stores stores, std::unique_ptr<host::Loop> loop)
    : config_{std::move(config)},
      topology_{fabric::topology_of(config_.scenario)},
      lock_{std::move(stores.lock)},
      log_{std::move(stores.log)},
      blobs_{std::move(stores.blobs)},
      incarnation_{stores.incarnation},
      stage_{stores.stage},
      loop_{std::move(loop)},
      site_{site_config(stores.records), loop_->now()},
      noted_{stores.noted} {
  for (const auto& record : stores.records) note_record(record);
  const auto sync = site_config({}).sync;
  if (const auto* ring = std::get_if<train::RingSync::Config>(&sync))
    last_ = SyncId{ring->steps - 1};
}

Agent::~Agent() {
  if (journal_) loop_->unwatch(journal_->fd());
  if (transfers_) loop_->unwatch(transfers_->fd());
}

Site::Config Agent::site_config(std::vector<train::AgreementRecord> records) const {
  fabric::Kept kept{std::move(records), blobs_.contents()};
  return {.incarnation = incarnation_,
          .topology = topology_,
          .home = {},
          .largest_message = fabric::largest_message(config_.scenario),
          .sync = fabric::sync_config(config_.scenario, config_.site, std::move(kept)),
          .handovers = config_.handovers,
          .transfers = config_.scenario.transfers,
          .budget_tokens = config_.scenario.train.tokens};
}

Result<> Agent::connect(host::Journal journal) {
  metrics_ = std::make_unique<MetricsFile>(
      *loop_,
      MetricsFile::Config{metrics_path(config_.folder), "agent", config_.run, name(config_.site)},
      [this](catalog::Metrics& metrics) { measure(metrics); });
  journal_base_ = journal.next_sequence();
  journal_ = AXS_TRY(host::JournalWriter::start(std::move(journal), journal_backlog));
  AXS_TRY(loop_->watch(journal_->fd(), host::Interest::readable,
                       [this](host::Ready) { hear_journal(); }));
  note(catalog::SiteStarted{incarnation_, ::getpid()});
  AXS_TRY(open_transfers());
  AXS_TRY(open_overlay());
  worker_ = std::make_unique<WorkerHost>(
      *loop_, config_.worker,
      WorkerHost::Callbacks{.started = [this](std::int32_t pid) { worker_started(pid); },
                            .message =
                                [this](const train::FromWorker& message, ByteView blob) {
                                  return std::visit(
                                      [&](const auto& held) { return hear(held, blob); }, message);
                                },
                            .lost = [this](const std::string& why) { worker_lost(why); }});
  return serve_control();
}

Result<> Agent::run() {
  worker_->start();
  arm_timer();
  AXS_TRY(loop_->run());
  if (error_) return *error_;
  return Ok{};
}

void Agent::stop() {
  loop_->post([this] {
    if (std::exchange(stop_requested_, true)) return loop_->stop();
    shut_down("asked to stop");
  });
}

void Agent::happen(Site::Event event, ByteVector payloads) {
  happened_.push_back({std::move(event), std::move(payloads)});
  if (!stepping_) step_all();
}

/// One event after the other: what an action makes happen waits until the actions before are done.
void Agent::step_all() {
  stepping_ = true;
  std::vector<Site::Action> actions;
  while (!happened_.empty()) {
    now_ = std::move(happened_.front());
    happened_.pop_front();
    actions.clear();
    site_.step(loop_->now(), now_.event, actions);
    for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
  }
  stepping_ = false;
  note_missing();
  overlay_->flush();
  arm_timer();
}

void Agent::arm_timer() {
  const auto at = site_.wakeup();
  if (timer_ && at && timer_->at == *at) return;
  if (timer_) loop_->cancel(*timer_);
  timer_.reset();
  if (at)
    timer_ = loop_->at(*at, [this] {
      timer_.reset();
      overlay_->catch_up();
      happen(Wakeup{});
    });
}

void Agent::perform(const Site::TransmitPacket& action) {
  const net::Packet& packet = action.transmit.packet;
  plain_.assign(1, static_cast<std::uint8_t>(PayloadKind::packet));
  WireWriter{plain_}.put(packet);
  for (const auto& frame : packet.frames) messages_.append_payload(action.to, frame, plain_);
  overlay_->send(action.to, packet.path, plain_);
}

void Agent::perform(const Site::HoldMessage& action) {
  messages_.hold(action, now_.payloads);
  const auto* sync = std::get_if<train::SyncMessage>(&action.message.body);
  const auto* offer = sync == nullptr ? nullptr : std::get_if<train::Offer>(sync);
  if (offer == nullptr || action.message.attached_size == 0) return;
  note(catalog::ContributionSent{offer->sync.value, name(offer->contribution.site), name(action.to),
                                 std::string{enum_name(action.traffic)}, action.id,
                                 action.message.attached_size});
}

void Agent::perform(const Site::ReleaseMessage& action) {
  messages_.release(action);
  end_if_done();
}

void Agent::perform(const Site::StoreBytes& action) {
  messages_.store(action, std::get<Site::PeerPacket>(now_.event).packet, now_.payloads);
}

void Agent::perform(const Site::StoreRepair& action) {
  messages_.store_repair(action, std::get<Site::PeerPacket>(now_.event).packet, now_.payloads);
}

void Agent::perform(const Site::ReadMessage& action) {
  auto message = messages_.take(action);
  if (!message)
    return note(catalog::PeerMisbehaved{name(action.from), std::move(message).error().what});
  const auto& body = message->event.message.body;
  if (const auto* sync = std::get_if<train::SyncMessage>(&body)) note_hash(action.from, *sync);
  if (const auto* ring = std::get_if<train::RingMessage>(&body)) note_hash(action.from, *ring);
  happen(std::move(message->event), std::move(message->values));
}

ByteVector Agent::bytes_of(const std::vector<train::Contribution>& members) {
  ByteVector blob;
  for (const train::Contribution& member : members) {
    const BlobStore::Blob bytes = blobs_.find(member.content);
    AXS_ASSERT(bytes != nullptr);
    blob.insert(blob.end(), bytes->begin(), bytes->end());
  }
  return blob;
}

void Agent::perform(const Site::Apply& action) {
  control_->send_all(merged(action.merged_tokens));
  worker_->send(action, bytes_of(action.decision.members));
}

void Agent::perform(const Site::Foresee& action) {
  worker_->send(action, bytes_of(action.members));
}

void Agent::perform(const Site::Persist& action) {
  note_record(action.record);
  const auto sequence = journal_->append(to_wire(action.record));
  if (!sequence) return fail(sequence.error());
  AXS_ASSERT(*sequence + 1 == journal_base_ + action.sequence);
}

void Agent::perform(const Site::Closed& action) {
  note(catalog::SyncClosed{action.sync.value, action.members, action.waited});
}

void Agent::perform(const Site::Diverged& action) {
  note(catalog::Diverged{action.sync.value, name(action.other)});
}

void Agent::perform(const Site::PeerMisbehaved& action) {
  const std::string what =
      action.packet ? "packet " + std::to_string(action.packet->number) : std::string{"a message"};
  note(catalog::PeerMisbehaved{name(action.peer), what + " makes no sense"});
}

void Agent::hear_journal() {
  const host::JournalWriter::Progress progress = journal_->progress();
  if (progress.failure) return fail(*progress.failure);
  if (progress.durable_end > journal_base_)
    happen(Site::Persisted{progress.durable_end - journal_base_});
}

void Agent::perform(const Site::RouteChanged& action) {
  note(fabric::route_changed(config_.scenario, topology_, action));
}

void Agent::perform(const Site::HandoverKept& action) {
  note(fabric::handover_kept(config_.scenario, topology_, config_.site, action));
}

void Agent::perform(const Site::LeaseLost& action) {
  note(fabric::lease_lost(config_.scenario, topology_, config_.site, action));
}

void Agent::perform(const Site::PathState& action) {
  const std::string path = path_name(action.peer, action.path);
  if (action.up)
    note(catalog::PathUp{name(action.peer), path});
  else
    note(catalog::PathDown{name(action.peer), path});
  peer_paths_[action.peer][action.path] = action.up;
  end_if_done();
}

std::string Agent::path_name(SiteId peer, net::PathId path) const {
  return fabric::path_name(config_.scenario, topology_, {config_.site, peer, path});
}

void Agent::note_record(const train::AgreementRecord& record) {
  const auto* choice = std::get_if<train::Choice>(&record);
  if (choice != nullptr && choice->decision.last && (!last_ || choice->sync < *last_))
    last_ = choice->sync;
}

/// The worker has merged all syncs below `open`.
void Agent::note_applied(SyncId open) {
  if (!last_ || open <= *last_) return;
  if (!std::exchange(finished_, true)) {
    note(catalog::SiteFinished{site_.merged_tokens()});
    if (config_.export_folder.empty()) reach(SiteStage::concluded);
    loop_->after(config_.linger, [this] {
      lingered_ = true;
      end_if_done();
    });
  }
  // The worker exports at once, but evaluates step by step: the second waits for the first.
  if (stage_ == SiteStage::running)
    worker_->send(train::Evaluate{.whole = config_.evaluates_whole});
  end_if_done();
}

void Agent::reach(SiteStage stage) {
  if (stage <= stage_) return;
  stage_ = stage;
  const Result<> saved = save_stage(config_.folder, stage);
  if (!saved) fail(saved.error());
}

/// Whether that site has merged everything, and has heard that we have.
bool Agent::served(SiteId peer) const {
  const auto applied = peers_applied_.find(peer);
  if (applied == peers_applied_.end() || applied->second <= *last_) return false;
  return !reachable(peer) || messages_.held(peer) == 0;
}

void Agent::end_if_done() {
  if (!finished_ || stage_ == SiteStage::running) return;
  bool all_served = true;
  for (std::uint32_t i = 0; i < config_.scenario.sites.size(); ++i)
    if (SiteId{i} != config_.site && !served(SiteId{i})) all_served = false;
  if ((!all_served || !site_.transfers().over()) && !lingered_) return;
  if (transfer_under_way()) return;
  reach(SiteStage::finished);
  shut_down("finished");
}

void Agent::shut_down(const std::string& reason) {
  if (std::exchange(ending_, true)) return;
  note(catalog::SiteStopped{reason});
  worker_->quit();
  if (!worker_->running()) return loop_->stop();
  loop_->after(quit_patience, [this] { loop_->stop(); });
}

void Agent::note(const catalog::Fact& fact) {
  metrics_->count(fact);
  const Result<> written = log_.write({config_.run, name(config_.site), loop_->now()}, fact);
  if (!written) fail(written.error());
}

void Agent::fail(Error error) {
  if (!error_) error_ = std::move(error);
  loop_->stop();
}

Result<> run_agent(AgentConfig config) {
  auto signals = AXS_TRY(host::SignalFd::create());
  const auto agent = AXS_TRY(Agent::open(std::move(config)));
  AXS_TRY(agent->loop().watch(signals.fd(), host::Interest::readable, [&](host::Ready) {
    while (signals.next()) agent->stop();
  }));
  return agent->run();
}

}  // namespace axs::live
