#pragma once

#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/policy.h"
#include "axs/fabric/transfers.h"
#include "axs/net/handover_plan.h"
#include "axs/net/path_watch.h"
#include "axs/net/steered_transport.h"
#include "axs/net/topology.h"
#include "axs/net/transport.h"
#include "axs/train/ring_sync.h"
#include "axs/train/site_sync.h"

namespace axs::fabric {

/// What sites say to each other reliably: training, reports to the controller and its orders, bulk
/// transfers.
using SiteMessageBody = std::variant<train::SyncMessage, net::LinkReport, net::RouteOrder,
                                     train::RingMessage, TransferMessage>;

/// A message between two sites, as the world keeps it: the record, and the bytes that travel with
/// it: those of that name in the world's store, or, for a train::Chunk or a TransferPiece, which
/// have none, those that the step was given that sends it.
struct SiteMessage {
  SiteMessageBody body;
  std::optional<Hash256> attached;
  std::uint64_t attached_size{};
};

/// The piece of a file that a message is; null if it is none.
const TransferPiece* piece_of(const SiteMessageBody& body);

/// The bytes of a message on the way: a count, the record, what is attached.
std::uint64_t message_size(const SiteMessage& message);

/// Which policy synchronises the sites.
using SyncConfig = std::variant<train::SiteSync::Config, train::RingSync::Config>;

/// What the disk of a site kept from an earlier life.
struct Kept {
  std::vector<train::AgreementRecord> records;
  std::vector<Hash256> stored;
};
/// The policy that a scenario asks for, as one of its sites needs it.
SyncConfig sync_config(const catalog::Scenario& scenario, SiteId self, Kept kept);

/// What a message of that job may have at most: the parameters as they are, and what is said of
/// them. So a peer can occupy no more than that, or the transport's window, in each class of
/// traffic.
std::uint64_t largest_message(const catalog::Scenario& scenario);

/// One site: its training policy, its paths and its connections to all other sites, composed. The
/// twin and the live agent drive this same object; neither knows more of it than its events and
/// actions.
class Site {
 public:
  // From the network.
  struct PeerPacket {  ///< a packet that the tunnel to that site has authenticated
    SiteId from;
    net::Packet packet;
    Duration waited{};  ///< It lay at this site before this step.
  };
  struct PeerMessage {  ///< a message of that site is whole, and read
    SiteId from;
    SiteMessage message;
  };
  struct PeerHello {  ///< likewise authenticated
    SiteId from;
    net::HelloReceived hello;
  };
  struct PeerHelloReply {
    SiteId from;
    net::HelloReplyReceived reply;
  };
  struct PathWidth {  ///< how large a packet of the transport to that site may be on a path
    SiteId to;
    net::PacketSizeSet size;
  };
  struct ControllerOrder {  ///< from the controller, which is at this site; for any site
    net::RouteOrder order;
  };
  struct HellosAfforded {  ///< by the machine, a second each way, all peers' together
    double per_second{};
  };
  // From the worker and the disk.
  using WorkerReady = train::SiteSync::WorkerReady;
  using WorkerLost = train::SiteSync::WorkerLost;
  using Captured = train::SiteSync::Captured;
  using Applied = train::SiteSync::Applied;
  using Persisted = train::SiteSync::Persisted;
  using RingReport = train::RingReport;
  using ChunkMade = train::RingSync::Made;
  using Event = std::variant<Wakeup, PeerPacket, PeerMessage, PeerHello, PeerHelloReply, PathWidth,
                             ControllerOrder, HellosAfforded, WorkerReady, WorkerLost, Captured,
                             Applied, Persisted, RingReport, ChunkMade, TransferOpened, PieceRead,
                             TransferHeld, TransferSpoilt, TransferBroken>;

  // To the network.
  struct TransmitPacket {
    SiteId to;
    net::Transmit transmit;
  };
  struct SendHello {  ///< sealed, over the path that it names; lost if there are no keys yet
    SiteId to;
    net::Hello hello;
  };
  struct SendHelloReply {
    SiteId to;
    net::HelloReply reply;
  };
  struct ReportToController {  ///< which is at this site, or dead
    net::LinkReport report;
  };
  struct HoldMessage {  ///< keep it under (to, traffic, id) until it is released; its bytes will be
                        ///< asked for
    SiteId to;
    net::TrafficClass traffic{};
    std::uint64_t id{};
    SiteMessage message;
  };
  struct ReleaseMessage {
    SiteId to;
    net::TrafficClass traffic{};
    std::uint64_t id{};
  };
  struct StoreBytes {  ///< out of the packet that this step was given
    SiteId from;
    net::Stored stored;
  };
  struct StoreRepair {  ///< likewise
    SiteId from;
    net::RepairStored repair;
  };
  struct RebuildBytes {
    SiteId from;
    net::Rebuilt rebuilt;
  };
  struct ReadMessage {  ///< all its bytes are stored: hand it back as a PeerMessage
    SiteId from;
    net::Deliver deliver;
  };
  struct DropBytes {  ///< of one message that will not be completed, or of all of that peer
    SiteId from;
    std::optional<net::Discarded> message;
  };
  // To the worker, the disk and the record of the run.
  using Capture = train::SiteSync::Capture;
  using Apply = train::SiteSync::Apply;
  using Foresee = train::SiteSync::Foresee;
  using Persist = train::SiteSync::Persist;
  using Forget = train::SiteSync::Forget;
  using Closed = train::SiteSync::Closed;
  using Diverged = train::SiteSync::Diverged;
  using Finished = train::SiteSync::Finished;
  using RingOrder = train::RingOrder;
  using GiveChunk = train::RingSync::Give;
  using RouteChanged = net::RouteChanged;
  struct PathState {  ///< for the record
    SiteId peer;
    net::PathId path;
    bool up = false;
  };
  struct HandoverKept {  ///< likewise: the path of gradients is on hold
    SiteId peer;
    net::PathHold hold;
    Duration lasts{};
  };
  struct LeaseLost {  ///< likewise: what bulk to the peer had leased
    SiteId peer;
    std::optional<net::PathId> path;  ///< has died; none: nobody renewed the lease
  };
  struct PeerMisbehaved {
    SiteId peer;
    std::optional<net::Refused> packet;  ///< none: a message
  };
  using Action =
      std::variant<TransmitPacket, SendHello, SendHelloReply, ReportToController, HoldMessage,
                   ReleaseMessage, StoreBytes, StoreRepair, RebuildBytes, ReadMessage, DropBytes,
                   Capture, Apply, Foresee, Persist, Forget, Closed, Diverged, Finished,
                   RouteChanged, PathState, HandoverKept, LeaseLost, PeerMisbehaved, RingOrder,
                   GiveChunk, OpenTransfer, ReadPiece, TransferBegan, TransferProgressed,
                   TransferDone, TransferRefused, AcceptTransfer, KeepPiece>;

  struct Config {
    std::uint32_t incarnation = 1;  ///< Grows with every start of this agent.
    net::Topology topology;
    SiteId home;  ///< Where the controller is.
    /// No peer has more to say at once: what it says it is about to send is not believed.
    std::uint64_t largest_message = net::SendQueue::max_message;
    SyncConfig sync;
    net::HandoverPlan handovers{};  ///< Of all links.
    std::vector<catalog::Transfer> transfers{};
    std::uint64_t budget_tokens = 0;  ///< Of the run; shares of it are due times of transfers.
  };
  Site(Config config, Instant now);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const { return wakeup_; }

  /// Tokens of all sites that are in the model of this one.
  std::uint64_t merged_tokens() const;
  /// The bulk transfers from and to this site.
  const Transfers& transfers() const { return transfers_; }
  /// What was decided about that sync; null if that is not known here, or nothing is ever decided.
  const train::Decision* decision(train::SyncId sync) const;
  /// What is known of the ways to a peer, for metrics; the peer must be one.
  const net::PathMonitor& monitor(SiteId peer) const { return paths_.monitor(peer); }
  const net::Transport& transport(SiteId peer) const {
    return peers_.at(peer).transport.transport();
  }
  /// What its bulk to a peer has been granted by the controller and holds now.
  const net::SpreadSet& lease(SiteId peer) const { return peers_.at(peer).transport.lease(); }

 private:
  struct Peer {
    net::SteeredTransport transport;
    net::HandoverKeeper handovers;
    std::uint64_t next_message = 1;
    std::set<std::uint64_t> pieces{};  ///< Messages of bulk under way.
    bool up = false;
  };

  void keep_off_handovers();
  void on(const Wakeup&);
  void on(const PeerPacket& event);
  void on(const PeerMessage& event);
  void on(const PeerHello& event);
  void on(const PeerHelloReply& event);
  void on(const PathWidth& event) { run_transport(event.to, event.size); }
  void on(const ControllerOrder& event);
  void on(const HellosAfforded& event) { paths_.afford(event.per_second); }
  void on(const TransferOpened& event) { run_transfers(event); }
  void on(const PieceRead& event) { run_transfers(event); }
  void on(const TransferHeld& event) { run_transfers(event); }
  void on(const TransferSpoilt& event) { run_transfers(event); }
  void on(const TransferBroken& event) { run_transfers(event); }
  template <class WorkerEvent>
  void on(const WorkerEvent& event) {
    run_sync(event);
  }
  /// What the policy in charge does not know is not for it, or from a peer that misbehaves.
  template <class TrainingEvent>
  void run_sync(const TrainingEvent& event);
  void run_transfers(const Transfers::Event& event);
  /// Shares of the tokens may have been reached.
  void count_tokens();
  void run_transport(SiteId peer, const net::Transport::Event& event);
  void perform(SiteId peer, const std::vector<net::Transport::Action>& actions);
  void watch(SiteId peer, const net::PathMonitor::Event& event);
  void obey(const net::RouteOrder& order);
  void perform(const std::vector<net::PathWatch::Action>& actions);
  void read(SiteId from, const train::SyncMessage& body);
  void read(SiteId from, const train::RingMessage& body);
  void read(SiteId from, const net::LinkReport& body);
  void read(SiteId from, const net::RouteOrder& body);
  void read(SiteId from, const TransferMessage& body);
  void send(SiteId to, const SiteMessage& message);
  void cancel_void_pieces();
  void perform(const train::SiteSync::Send& action);
  void perform(const train::RingSync::Send& action);
  template <class Passed>
  void perform(const Passed& action) {
    actions_->push_back(action);
  }
  void perform(const train::SiteSync::Refused& action);
  void perform(const train::SiteSync::Finished& action);
  void perform(const SendTransferMessage& action);
  void perform(const TransferLie& action);
  void perform(SiteId peer, const net::Transmit& action);
  void perform(SiteId peer, const net::Stored& action);
  void perform(SiteId peer, const net::RepairStored& action);
  void perform(SiteId peer, const net::Rebuilt& action);
  void perform(SiteId peer, const net::Deliver& action);
  void perform(SiteId peer, const net::Acknowledged& action);
  void perform(SiteId peer, const net::Discarded& action);
  void perform(SiteId peer, const net::PeerStarted& action);
  void perform(SiteId peer, const net::Refused& action);
  void perform(SiteId peer, const net::Hello& action);
  void perform(SiteId peer, const net::HelloReply& action);
  void perform(SiteId peer, const net::LinkReport& action);
  void perform(SiteId peer, const net::PathUp& action);
  void perform(SiteId peer, const net::PathDown& action);
  void perform(SiteId peer, const net::RouteSet& action);
  void perform(SiteId peer, const net::PeerUp& action);
  void perform(SiteId peer, const net::PeerDown& action);
  void perform(SiteId peer, const net::RouteChanged& action);
  void perform(SiteId peer, const net::OrderRefused& action);
  void update_wakeup();

  SiteId self_;
  SiteId home_;
  std::variant<train::SiteSync, train::RingSync> sync_;
  Transfers transfers_;
  bool trained_ = false;  ///< No more tokens will be merged.
  net::PathWatch paths_;
  std::map<SiteId, Peer> peers_;
  std::vector<SiteId> restarted_;  ///< Peers that have started again, in this step.
  std::optional<Instant> wakeup_;

  // Valid during step().
  Instant now_;
  std::vector<Action>* actions_ = nullptr;
};

static_assert(Policy<Site>);

}  // namespace axs::fabric
