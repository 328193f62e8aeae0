#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "axs/host/journal_writer.h"
#include "axs/host/lock.h"
#include "axs/live/blob_store.h"
#include "axs/live/control.h"
#include "axs/live/event_log.h"
#include "axs/live/message_store.h"
#include "axs/live/metrics_file.h"
#include "axs/live/overlay.h"
#include "axs/live/site_stage.h"
#include "axs/live/transfer_files.h"
#include "axs/live/worker_host.h"

namespace axs::live {

struct AgentConfig {
  std::string run;
  SiteId site;
  catalog::Scenario scenario;
  std::vector<AgentLink> links;  ///< Those of this site.
  /// Of this site in the run: token or credentials, journal, contributions, worker's state, log.
  std::string folder;
  host::ClockMark
      clock;  ///< Of the run, the same for all sites; the scenario's clock error is added.
  net::HandoverPlan handovers{};
  WorkerLauncher worker;
  std::string data{};  ///< The corpus; empty for the default one.
  /// Once finished, evaluates on the validation split and exports the model to here. Empty: another
  /// site does.
  std::string export_folder{};
  bool evaluates_whole = true;  ///< Else only a part of the split.
  /// At the home site, which is the first: the folder of the desk that enrols all agents.
  std::string desk{};
  /// How long a finished agent stays for peers that may still need something of it.
  Duration linger = seconds(30);
};

/// The process of one site: the world in which fabric::Site runs. It performs what the site decides
/// on sockets, the disk and a worker process, and tells it what happens there. Everything runs on
/// the thread that calls run(), except writes of the journal and the files of bulk transfers.
class Agent {
 public:
  /// Opens the folder (as an earlier life left it), the sockets and the record of the run. Errors
  /// name what is wrong with them.
  static Result<std::unique_ptr<Agent>> open(AgentConfig config);
  ~Agent();

  /// Serves until the run is finished and the peers have what they need, or until stop(). An error
  /// if the job cannot go on: the worker says so, or the disk.
  Result<> run();
  /// From any thread. The first call ends cleanly: the worker saves its state. The second ends now.
  void stop();

  /// For further things to watch on the agent's thread.
  host::Loop& loop() { return *loop_; }

 private:
  /// What happened, for the site; `payloads` belong to a packet, or are the values of a chunk.
  struct Happened {
    fabric::Site::Event event;
    ByteVector payloads{};
  };
  struct Stores {
    host::FileLock lock;
    EventLog log;
    BlobStore blobs;
    host::Journal journal;
    std::uint32_t incarnation;
    SiteStage stage;
    std::vector<train::AgreementRecord> records;
    train::SyncId noted;
  };

  static Result<Stores> open_stores(const AgentConfig& config);
  Agent(AgentConfig config, Stores stores, std::unique_ptr<host::Loop> loop);
  Result<> connect(host::Journal journal);
  Result<> open_overlay();
  Result<SiteIdentity> identify(std::optional<StoredDesk>& desk);
  Result<> enrolled(const Credentials& credentials);
  fabric::Site::Config site_config(std::vector<train::AgreementRecord> records) const;

  void happen(fabric::Site::Event event, ByteVector payloads = {});
  void step_all();
  void arm_timer();

  void perform(const fabric::Site::TransmitPacket& action);
  void perform(const fabric::Site::SendHello& action) { overlay_->send(action.to, action.hello); }
  void perform(const fabric::Site::SendHelloReply& action) {
    overlay_->send(action.to, action.reply);
  }
  void perform(const fabric::Site::ReportToController& action);
  void perform(const fabric::Site::RouteChanged& action);
  void perform(const fabric::Site::PathState& action);
  void perform(const fabric::Site::HandoverKept& action);
  void perform(const fabric::Site::LeaseLost& action);
  void perform(const fabric::Site::HoldMessage& action);
  void perform(const fabric::Site::ReleaseMessage& action);
  void perform(const fabric::Site::StoreBytes& action);
  void perform(const fabric::Site::StoreRepair& action);
  void perform(const fabric::Site::RebuildBytes& action) { messages_.rebuild(action); }
  void perform(const fabric::Site::ReadMessage& action);
  void perform(const fabric::Site::DropBytes& action) { messages_.drop(action); }
  void perform(const fabric::Site::Capture& action) { worker_->send(action); }
  void perform(const fabric::Site::Apply& action);
  void perform(const fabric::Site::Foresee& action);
  ByteVector bytes_of(const std::vector<train::Contribution>& members);
  void perform(const fabric::Site::Persist& action);
  void perform(const fabric::Site::Forget& action) { blobs_.forget(action.content); }
  void perform(const fabric::Site::Closed& action);
  void perform(const fabric::Site::Diverged& action);
  void perform(const fabric::Site::Finished&) {}  // Seen in note_applied(), after a restart too.
  void perform(const fabric::Site::PeerMisbehaved& action);
  void perform(const fabric::Site::RingOrder& action) { worker_->send(action); }
  void perform(const fabric::Site::GiveChunk& action) {
    worker_->send(action.chunk, std::move(now_.payloads));
  }

  template <class FileWork>
    requires std::is_constructible_v<TransferWork, FileWork>
  void perform(const FileWork& action) {
    transfers_->want(action);
  }
  void perform(const fabric::KeepPiece& action) {
    transfers_->want(action, std::move(now_.payloads));
  }
  void perform(const fabric::TransferBegan& action);
  void perform(const fabric::TransferProgressed& action);
  void perform(const fabric::TransferDone& action);
  void perform(const fabric::TransferRefused& action);

  void worker_started(std::int32_t pid);
  void worker_lost(const std::string& reason);
  Result<> hear(const train::FromWorker& message, ByteView blob);
  Result<> hear(const train::Ready& message, ByteView blob);
  Result<> hear(const train::SiteSync::Captured& message, ByteView blob);
  Result<> hear(const train::SiteSync::Applied& message, ByteView);
  Result<> hear(const train::Progress& message, ByteView);
  Result<> hear(const train::Evaluated& message, ByteView);
  Result<> hear(const train::Exported& message, ByteView);
  Result<> hear(const train::Failed& message, ByteView);
  Result<> hear(const train::Paused&, ByteView);
  Result<> hear(const train::RingReport& message, ByteView);
  Result<> hear(const train::Chunk& message, ByteView values);
  std::optional<catalog::SyncApplied> applied_fact(const train::SiteSync::Applied& applied) const;
  void note_missing();
  Result<ByteView> keep(const train::SiteSync::Captured& captured, ByteView blob);

  Result<> serve_control();
  static ByteVector merged(std::uint64_t tokens);
  void obey(ControlServer::PeerNumber peer, const SlowWorker& order);
  void obey(ControlServer::PeerNumber peer, const KillWorker& order);
  void obey(ControlServer::PeerNumber peer, const ControllerHere& order);
  void obey(ControlServer::PeerNumber peer, const net::RouteOrder& order);

  void hear_journal();

  Result<> open_transfers();
  void hear_transfers();
  bool transfer_under_way() const;

  void note_record(const train::AgreementRecord& record);
  /// A peer says that it has applied something, which is what some are waiting for in the end.
  template <class Messages>
  void note_hash(SiteId from, const Messages& message) {
    if (const auto* hash = std::get_if<train::StateHash>(&message)) {
      train::SyncId& applied = peers_applied_[from];
      applied = std::max(applied, next(hash->sync));
      end_if_done();
    }
  }
  bool every_step() const { return config_.scenario.train.sync == catalog::SyncMode::every_step; }
  void note_applied(train::SyncId next);
  void reach(SiteStage stage);
  void end_if_done();
  bool served(SiteId peer) const;
  bool reachable(SiteId peer) const;
  void shut_down(const std::string& reason);

  void note(const catalog::Fact& fact);
  void measure(catalog::Metrics& metrics) const;
  void measure_packets(catalog::Metrics& metrics) const;
  void measure_paths(catalog::Metrics& metrics, SiteId peer) const;
  void fail(Error error);
  std::string path_name(SiteId peer, net::PathId path) const;
  const std::string& name(SiteId site) const { return config_.scenario.sites[site.value].name; }

  AgentConfig config_;
  net::Topology topology_;
  host::FileLock lock_;
  EventLog log_;
  BlobStore blobs_;
  MessageStore messages_{blobs_};
  std::uint32_t incarnation_;
  SiteStage stage_;
  std::unique_ptr<host::Loop> loop_;
  fabric::Site site_;
  std::unique_ptr<host::JournalWriter> journal_;
  std::uint64_t journal_base_ = 0;  ///< The site's record 1 is the journal's record of this number.
  std::unique_ptr<TransferFiles> transfers_;  ///< Null where no transfer begins or ends here.
  std::unique_ptr<Overlay> overlay_;
  std::unique_ptr<WorkerHost> worker_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<MetricsFile> metrics_;
  std::set<ControlServer::PeerNumber> controllers_;
  std::uint64_t controller_term_ = 0;  ///< The greatest that any of them named.
  double slow_ = 1;                    ///< What the worker was told last.

  std::deque<Happened> happened_;
  Happened now_;  ///< What the site is being told.
  bool stepping_ = false;
  ByteVector plain_;  ///< Of the packet that is being sent; kept for its memory.
  std::optional<host::TimerId> timer_;

  train::SyncId noted_;  ///< The record holds what the worker merged below.
  std::deque<train::SiteSync::Applied> unnoted_;  ///< Merged in an earlier life, without a word.
  std::optional<train::SyncId> last_;             ///< The last sync of the run, once it is chosen.
  std::map<SiteId, train::SyncId> peers_applied_;
  std::map<SiteId, std::map<net::PathId, bool>> peer_paths_;
  bool finished_ = false;
  bool lingered_ = false;
  bool ending_ = false;
  bool stop_requested_ = false;
  std::optional<Error> error_;
};

/// The metrics of the agent with that folder, and of its worker.
inline std::string metrics_path(const std::string& site_folder) {
  return site_folder + "/metrics.prom";
}
/// The socket at which the agent with that folder serves ToAgent and says FromAgent.
inline std::string control_path(const std::string& site_folder) {
  return site_folder + "/control.sock";
}

/// Opens an agent and runs it until it is done or SIGTERM or SIGINT ends it, a second one at once.
/// Call it before any other thread is started.
Result<> run_agent(AgentConfig config);

}  // namespace axs::live
