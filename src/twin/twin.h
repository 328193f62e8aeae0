#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/catalog/scenario.h"
#include "axs/core/digest.h"
#include "axs/fabric/active_faults.h"
#include "axs/fabric/fault_script.h"
#include "axs/fabric/link_plan.h"
#include "axs/fabric/site.h"
#include "axs/net/controller.h"
#include "axs/net/pipe.h"
#include "axs/twin/queue.h"
#include "axs/twin/ring_model.h"
#include "axs/twin/tunnel_end.h"
#include "axs/twin/witness.h"
#include "axs/twin/worker_model.h"

namespace axs::twin {

/// What a simulated run came to.
struct Outcome {
  bool finished = false;
  Duration took;
  std::uint64_t syncs = 0;
  std::uint64_t reroutes = 0;
  std::uint64_t tokens = 0;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  ///< of UDP payload, over all links, each counted once
  std::uint64_t events = 0;
  Hash256 digest{};
};

/// The simulated world: one thread, one virtual clock, one seed. It performs what the sites decide:
/// packets go through the pipes of their links, workers take the time they take, disks sync after a
/// while.
class Twin {
 public:
  struct Config {
    catalog::Scenario scenario;
    std::vector<fabric::LinkPlan> links;
    std::vector<WorkerSpeed> workers;  ///< one per site
    /// One per site, for sync = "outer"; empty: a WorkerModel each, of these speeds.
    std::vector<std::shared_ptr<Worker>> real_workers{};
    Duration disk_sync = milliseconds(2);
    Duration rekey_after = net::TunnelConfig{}.rekey_after;
    /// How far ahead agents know when satellites change.
    Duration handovers_known = seconds(3600);
    /// Told all that live processes would write into events.jsonl, by the clocks of the sites; may
    /// be empty. What happens does not depend on it.
    std::function<void(const catalog::FactOrigin&, const catalog::Fact&)> note{};
    /// Sees all; must outlive the twin. With it packets are really sealed, byte by byte, relayed by
    /// their headers and opened; without, what a tunnel would let through is.
    Witness* witness = nullptr;
  };
  /// What stands in sealed packets in the place of gradients.
  static constexpr std::string_view payload_text = "what a gradient says, in clear; ";

  explicit Twin(Config config);
  ~Twin();

  /// Runs until all sites have finished or `limit` has passed.
  Outcome run(Duration limit);

  // The same in pieces, to look at it in between: start() once, then play().
  void start();
  void play(Instant until);
  Instant now() const { return now_; }
  /// The training, and the transfers.
  bool finished() const { return finished_ == sites_.size() && transfers_over(); }
  /// What a worker could not do, or came to that it may not: then nothing happens any more.
  const std::optional<Error>& failure() const { return failure_; }
  Outcome outcome() const;
  const net::Topology& topology() const { return topology_; }
  /// The agent of a site; null while it is dead.
  const fabric::Site* agent(SiteId site) const;
  /// Whether packets of `from` cross the path now: no link is cut, and a relay is alive.
  bool crosses(SiteId from, const net::CandidatePath& path) const;
  /// Whether `site` holds keys for its peer.
  bool has_keys(SiteId site, SiteId peer) const;

 private:
  using Payload = std::variant<net::Packet, net::Hello, net::HelloReply, net::HandshakeSegment>;
  struct Datagram {
    SiteId from, to;
    net::PathId path;
    std::uint32_t size;
    Payload payload;
    std::uint32_t session{};  ///< Under whose keys; none: a handshake.
    ByteVector bytes{};       ///< As on the wire; empty where there is no witness.
    // Of the link that it is on, which leads to `at` and is the `links`-th of its way.
    SiteId at{};
    LinkId link{};
    std::uint8_t links{};
    Instant sent_at{}, departs_at{};
  };
  struct TunnelDue {
    SiteId site, peer;
    std::uint32_t incarnation;
    Instant local;
  };
  struct Woken {
    SiteId site;
    std::uint32_t incarnation;
    Instant local;
  };
  struct WorkerStarted {
    SiteId site;
    std::uint32_t life;
  };
  struct WorkDone {  ///< void if the worker has been given up since
    SiteId site;
    std::uint32_t life;
    Worker::Work work;
  };
  struct MergeDone {
    SiteId site;
    std::uint32_t life;
    train::SiteSync::Applied applied;
  };
  struct RingApplied {  ///< void if the worker has been given up, or told to go back, since
    SiteId site;
    std::uint32_t life;
    std::uint64_t attempt;
  };
  struct DiskSynced {
    SiteId site;
    std::uint32_t incarnation;
    std::uint64_t sequence;
    train::AgreementRecord record;
  };
  struct FileDone {  ///< what the disk was asked to do for a transfer
    SiteId site;
    std::uint32_t incarnation;
    std::variant<fabric::OpenTransfer, fabric::ReadPiece, fabric::AcceptTransfer, fabric::KeepPiece>
        what;
  };
  struct AgentStarted {
    SiteId site;
  };
  struct ControllerStarted {};
  struct ScriptDue {
    std::optional<std::uint64_t> merged;  ///< None: it asked to be woken.
  };
  using Event =
      std::variant<Datagram, TunnelDue, Woken, WorkerStarted, WorkDone, MergeDone, RingApplied,
                   DiskSynced, AgentStarted, ControllerStarted, ScriptDue, FileDone>;

  struct SiteState;

  void next();
  void on(Datagram& event);
  void on(const TunnelDue& event);
  void on(const Woken& event);
  void on(const WorkerStarted& event);
  void on(const WorkDone& event);
  void on(const MergeDone& event);
  void on(const RingApplied& event);
  void on(const DiskSynced& event);
  void on(const AgentStarted& event);
  void on(const ControllerStarted&);
  void on(const ScriptDue& event);
  void on(const FileDone& event);

  void step(SiteId site, const fabric::Site::Event& event);
  void perform(SiteId site, fabric::Site::TransmitPacket& action);
  void perform(SiteId site, const fabric::Site::SendHello& action);
  void perform(SiteId site, const fabric::Site::SendHelloReply& action);
  void perform(SiteId site, const fabric::Site::ReportToController& action);
  void perform(SiteId site, const fabric::Site::RouteChanged& action);
  void perform(SiteId site, const fabric::Site::PathState& action);
  void perform(SiteId site, const fabric::Site::HandoverKept& action);
  void perform(SiteId site, const fabric::Site::LeaseLost& action);
  void perform(SiteId site, const fabric::Site::HoldMessage& action);
  void perform(SiteId site, const fabric::Site::ReleaseMessage& action);
  void perform(SiteId, const fabric::Site::StoreBytes&) {}    ///< There are no bytes.
  void perform(SiteId, const fabric::Site::StoreRepair&) {}   ///< Likewise.
  void perform(SiteId, const fabric::Site::RebuildBytes&) {}  ///< Likewise.
  void perform(SiteId site, const fabric::Site::ReadMessage& action);
  void perform(SiteId site, const fabric::Site::DropBytes& action);
  void perform(SiteId site, const fabric::Site::Capture& action);
  void perform(SiteId site, const fabric::Site::Apply& action);
  void perform(SiteId site, const fabric::Site::Foresee& action);
  void perform(SiteId site, const fabric::Site::Persist& action);
  void perform(SiteId site, const fabric::Site::Forget& action);
  void perform(SiteId site, const fabric::Site::Closed& action);
  void perform(SiteId site, const fabric::Site::Diverged& action);
  void perform(SiteId site, const fabric::Site::Finished& action);
  void perform(SiteId site, const fabric::Site::PeerMisbehaved& action);
  void perform(SiteId site, const fabric::Site::RingOrder& action);
  void perform(SiteId site, const fabric::Site::GiveChunk& action);
  void pass_on(SiteId site, const std::vector<train::Chunk>& chunks);

  // Bulk transfers, in twin_transfers.cpp.
  template <class FileWork>
    requires std::is_constructible_v<decltype(FileDone::what), FileWork>
  void perform(SiteId site, const FileWork& action) {
    work_on_file(site, action);
  }
  void work_on_file(SiteId site, decltype(FileDone::what) what);
  void perform(SiteId site, const fabric::TransferBegan& action);
  void perform(SiteId site, const fabric::TransferProgressed& action);
  void perform(SiteId site, const fabric::TransferDone& action);
  void perform(SiteId site, const fabric::TransferRefused& action);
  void finish(SiteId site, const fabric::OpenTransfer& action);
  void finish(SiteId site, const fabric::ReadPiece& action);
  void finish(SiteId site, const fabric::AcceptTransfer& action);
  void finish(SiteId site, const fabric::KeepPiece& action);
  bool transfers_over() const;

  void run_script(const fabric::FaultScript::Event& event);
  void inflict(const fabric::FaultScript::Begin& action);
  void inflict(const fabric::FaultScript::End& action);
  void cut_link(LinkId link, bool cut);
  void slow_worker(SiteId site);
  void kill_worker(SiteId site);
  void kill_agent(SiteId site);
  void start_worker(SiteId site);
  void take_capture(SiteId site, const train::SiteSync::Captured& captured);

  // For the record, in notes.cpp.
  void note(SiteId site, const catalog::Fact& fact);
  void note_world(const catalog::Fact& fact);
  void note_progress(SiteId site);
  void note_ready(SiteId site, const train::SiteSync::WorkerReady& ready);
  void note_route(const net::LinkReport& report);
  void note_traffic();
  catalog::SyncApplied told(const fabric::Site::Apply& action, const Hash256& hash) const;
  const std::string& name(SiteId site) const { return config_.scenario.sites[site.value].name; }

  void fail(Error error);
  void work(SiteId site);
  void schedule_wakeup(SiteId site);
  /// The clock of a site: its own offset and drift.
  Instant local(SiteId site) const;
  Instant global(SiteId site, Instant local) const;

  // The network, in twin_network.cpp.
  void open_tunnels(SiteId site);
  /// Sends what the tunnel has to say, and comes back when it wants.
  void attend_tunnel(SiteId site, SiteId peer);
  /// Seals it and puts it on the first link of its path; lost if there are no keys.
  void send(Datagram datagram);
  void seal(const net::CandidatePath& path, TunnelEnd& tunnel, Datagram& datagram) const;
  void send_handshake(SiteId from, SiteId to, const net::HandshakeSegment& segment);
  /// It may be lost there.
  void put_on_link(SiteId near, LinkId link, Datagram datagram);
  void relay(Datagram& datagram);
  void accept(Datagram& datagram);
  bool open(TunnelEnd& tunnel, Datagram& datagram) const;

  Config config_;
  Rng rng_;
  Queue<Event> queue_;
  Instant now_;
  Digest digest_;
  net::Topology topology_;
  std::optional<net::Controller> controller_;  ///< At the first site; none while it is dead.
  std::uint64_t controller_term_ = 0;
  std::vector<std::unique_ptr<SiteState>> sites_;
  std::vector<std::array<net::Pipe, 2>> pipes_;  ///< by link; a to b, b to a
  std::vector<Instant> cut_at_;                  ///< by link; what was in its queue then is lost
  fabric::ActiveFaults faults_;
  fabric::FaultScript script_;
  std::optional<Instant> traffic_noted_;
  std::map<std::pair<SiteId, SiteId>, Instant> route_noted_;
  Outcome outcome_;
  std::size_t finished_ = 0;
  std::optional<Error> failure_;
};

}  // namespace axs::twin
