#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/catalog/scenario.h"
#include "axs/core/digest.h"
#include "axs/fabric/fault_script.h"
#include "axs/fabric/link_plan.h"
#include "axs/fabric/site.h"
#include "axs/net/controller.h"
#include "axs/net/pipe.h"
#include "axs/twin/queue.h"
#include "axs/twin/ring_model.h"
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
    Duration disk_sync = milliseconds(2);
    Duration session_setup =
        milliseconds(400);  ///< from the start of an agent until its tunnels are up
    /// Told all that live processes would write into events.jsonl, by the clocks of the sites; may
    /// be empty. What happens does not depend on it.
    std::function<void(const catalog::FactOrigin&, const catalog::Fact&)> note{};
  };
  explicit Twin(Config config);
  ~Twin();

  /// Runs until all sites have finished or `limit` has passed.
  Outcome run(Duration limit);

 private:
  using Payload = std::variant<net::Packet, net::Hello, net::HelloReply>;
  struct Datagram {  ///< arrives at the end of the link `hop` of its path
    SiteId from, to;
    net::PathId path;
    std::uint8_t hop;
    std::uint32_t size;
    Instant sent_at, departs_at;  ///< on that link
    Payload payload;
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
    WorkerModel::Work work;
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
  struct AgentStarted {
    SiteId site;
  };
  struct ControllerStarted {};
  struct ScriptDue {
    std::optional<std::uint64_t> merged;  ///< None: it asked to be woken.
  };
  using Event = std::variant<Datagram, Woken, WorkerStarted, WorkDone, MergeDone, RingApplied,
                             DiskSynced, AgentStarted, ControllerStarted, ScriptDue>;

  struct SiteState;

  void start();
  void on(Datagram& event);
  void on(const Woken& event);
  void on(const WorkerStarted& event);
  void on(const WorkDone& event);
  void on(const MergeDone& event);
  void on(const RingApplied& event);
  void on(const DiskSynced& event);
  void on(const AgentStarted& event);
  void on(const ControllerStarted&);
  void on(const ScriptDue& event);

  void step(SiteId site, const fabric::Site::Event& event);
  void perform(SiteId site, fabric::Site::TransmitPacket& action);
  void perform(SiteId site, const fabric::Site::SendHello& action);
  void perform(SiteId site, const fabric::Site::SendHelloReply& action);
  void perform(SiteId site, const fabric::Site::ReportToController& action);
  void perform(SiteId site, const fabric::Site::RouteChanged& action);
  void perform(SiteId site, const fabric::Site::PathState& action);
  void perform(SiteId site, const fabric::Site::HoldMessage& action);
  void perform(SiteId site, const fabric::Site::ReleaseMessage& action);
  void perform(SiteId site, const fabric::Site::StoreBytes& action);
  void perform(SiteId site, const fabric::Site::ReadMessage& action);
  void perform(SiteId site, const fabric::Site::DropBytes& action);
  void perform(SiteId site, const fabric::Site::Capture& action);
  void perform(SiteId site, const fabric::Site::Apply& action);
  void perform(SiteId, const fabric::Site::Foresee&) {}  ///< Its workers have no numbers.
  void perform(SiteId site, const fabric::Site::Persist& action);
  void perform(SiteId site, const fabric::Site::Forget& action);
  void perform(SiteId site, const fabric::Site::Closed& action);
  void perform(SiteId site, const fabric::Site::Diverged& action);
  void perform(SiteId site, const fabric::Site::Finished& action);
  void perform(SiteId site, const fabric::Site::PeerMisbehaved& action);
  void perform(SiteId site, const fabric::Site::RingOrder& action);
  void perform(SiteId site, const fabric::Site::GiveChunk& action);
  void pass_on(SiteId site, const std::vector<train::Chunk>& chunks);

  void run_script(const fabric::FaultScript::Event& event);
  void inflict(const fabric::FaultScript::Begin& action);
  void inflict(const fabric::FaultScript::End& action);
  void cut_link(LinkId link, bool cut);
  void kill_worker(SiteId site);
  void kill_agent(SiteId site);
  void start_worker(SiteId site);

  // For the record, in notes.cpp.
  void note(SiteId site, const catalog::Fact& fact);
  void note_world(const catalog::Fact& fact);
  void note_progress(SiteId site);
  void note_ready(SiteId site, const train::SiteSync::WorkerReady& ready);
  void note_route(const net::LinkReport& report);
  void note_traffic();
  catalog::SyncApplied told(const fabric::Site::Apply& action, const Hash256& hash) const;
  const std::string& name(SiteId site) const { return config_.scenario.sites[site.value].name; }

  void work(SiteId site);
  void schedule_wakeup(SiteId site);
  /// The clock of a site: its own offset and drift.
  Instant local(SiteId site) const;
  Instant global(SiteId site, Instant local) const;
  /// Puts a datagram on the link of its hop; it may be lost there.
  void send(Datagram datagram);
  bool sealed(SiteId a, SiteId b) const;
  LinkId link_of(const Datagram& datagram) const;

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
  fabric::FaultScript script_;
  std::optional<Instant> traffic_noted_;
  std::map<std::pair<SiteId, SiteId>, Instant> route_noted_;
  Outcome outcome_;
  std::size_t finished_ = 0;
};

}  // namespace axs::twin
