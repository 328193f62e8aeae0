#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/digest.h"
#include "axs/fabric/active_faults.h"
#include "axs/fabric/fault_script.h"
#include "axs/fabric/link_plan.h"
#include "axs/fabric/site.h"
#include "axs/net/controller.h"
#include "axs/net/path_watch.h"
#include "axs/net/pipe.h"
#include "axs/train/site_sync.h"
#include "axs/twin/fleet.h"
#include "axs/twin/flow_simulator.h"
#include "axs/twin/power_meter.h"
#include "axs/twin/queue.h"

namespace axs::twin {

/// What a run of fleets came to.
struct FleetOutcome {
  bool finished = false;
  Duration took;
  std::uint64_t syncs = 0;
  std::uint64_t tokens = 0;  ///< Merged.
  /// These over what all fleets would have computed without noise, failures, faults and waiting.
  double goodput = 0;
  double computing = 0;  ///< Share of the time in which a site did a step to its end, their mean.
  std::uint64_t failures = 0;
  std::uint64_t reroutes = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  ///< Of messages.
  std::uint64_t events = 0;
  Hash256 digest{};
  PowerUse power{};
};

/// Whether a FlowTwin can play it: Errc::invalid, with the reason, if it asks for what only Twin
/// has.
Result<> playable_as_flows(const catalog::Scenario& scenario);

/// Of the bytes on a link, those of messages: without headers, and what control, hellos and
/// acknowledgements take.
double payload_share();

/// The simulated world for fleets and days, as docs/design/029-twin-at-scale.md says: the policies
/// of the sites and the controller are those of the live world, but a message is one flow that
/// shares links by max-min fairness, not packets under net::Transport. Hellos are packets, for what
/// routing knows it knows from them. Clocks are right and agents live.
class FlowTwin {
 public:
  struct Config {
    catalog::Scenario scenario;  ///< Passes playable_as_flows().
    std::vector<fabric::LinkPlan> links;
    std::vector<Fleet> fleets;  ///< One per site.
    Duration disk_sync = milliseconds(2);
    /// What a site affords a second, as net::PathWatch has it. They are most of what a day costs:
    /// with fewer, a cut is found later.
    double hellos = 2'000;
    std::vector<net::GradientDemand> gradients{};  ///< What the controller hears of the plan.
  };
  explicit FlowTwin(Config config);
  ~FlowTwin();

  /// Runs until all sites have finished or `limit` has passed. `progress`, if given, hears now and
  /// then how much time has passed in the simulated world.
  FleetOutcome run(Duration limit, const std::function<void(Duration)>& progress = {});

 private:
  struct Probe {
    SiteId from, to;
    net::PathId path;
    std::variant<net::Hello, net::HelloReply> what;
    SiteId at{};           ///< Where the link leads that it is on,
    std::uint8_t links{};  ///< the so-many-th of its way.
  };
  struct Arrived {
    std::uint64_t message;
  };
  struct PacketsLeave {  ///< Of messages with bytes, as long as any is under way.
    SiteId from, to;
  };
  struct PacketCame {  ///< One of them, or its acknowledgement.
    SiteId at, from;
    net::PathId path;
    bool answer;
  };
  struct Woken {
    SiteId site;
    Instant at;
  };
  struct WorkerStarted {
    SiteId site;
    std::uint32_t life;
  };
  struct WorkDone {  ///< Void if the worker has been lost since; so are the next two.
    SiteId site;
    std::uint32_t life;
    WorkerModel::Work work;
  };
  struct MergeDone {
    SiteId site;
    std::uint32_t life;
    train::SiteSync::Applied applied;
  };
  struct DiskSynced {
    SiteId site;
    std::uint64_t sequence;
  };
  struct AcceleratorFailed {
    SiteId site;
  };
  struct LinkMoved {  ///< Its forecast has another sample from now on.
    std::uint32_t direction;
    std::size_t sample;
  };
  struct HandoverOver {
    std::uint32_t direction;
  };
  struct ScriptDue {
    std::optional<std::uint64_t> merged;  ///< None: it asked to be woken.
  };
  using Event =
      std::variant<Probe, Arrived, PacketsLeave, PacketCame, Woken, WorkerStarted, WorkDone,
                   MergeDone, DiskSynced, AcceleratorFailed, LinkMoved, HandoverOver, ScriptDue>;
  struct Message {
    SiteId from, to;
    fabric::SiteMessage what;
  };
  /// One direction of a link: that of LinkId l from a to b is 2 l, back is 2 l + 1, here and in the
  /// flow simulator.
  struct Direction {
    net::Pipe probes;
    BytesPerSecond rate;  ///< Of what arrives, while nothing is wrong.
    Duration one_way{};
    bool up = true;
    std::uint32_t handovers = 0;  ///< Under way.
  };
  struct SiteState;

  void start();
  FleetOutcome outcome();
  void on(Probe& event);
  void on(const Arrived& event);
  void on(const PacketsLeave& event);
  void on(const PacketCame& event);
  void on(const Woken& event);
  void on(const WorkerStarted& event);
  void on(const WorkDone& event);
  void on(const MergeDone& event);
  void on(const DiskSynced& event);
  void on(const AcceleratorFailed& event);
  void on(const LinkMoved& event);
  void on(const HandoverOver& event);
  void on(const ScriptDue& event);

  // A site, in flow_twin.cpp.
  void sync(SiteId site, const train::SiteSync::Event& event);
  void perform(SiteId site, const train::SiteSync::Capture& action);
  void perform(SiteId site, const train::SiteSync::Apply& action);
  void perform(SiteId site, const train::SiteSync::Persist& action);
  void perform(SiteId site, const train::SiteSync::Send& action);
  void perform(SiteId site, const train::SiteSync::Finished& action);
  void perform(SiteId, const train::SiteSync::Foresee&) {}  ///< Its workers have no numbers.
  void perform(SiteId, const train::SiteSync::Forget&) {}   ///< There are no bytes.
  void perform(SiteId, const train::SiteSync::Closed&) {}   ///< For the record.
  void perform(SiteId site, const train::SiteSync::Diverged& action);
  void perform(SiteId site, const train::SiteSync::Refused& action);
  void work(SiteId site);
  void draws(SiteId site, Watts power) { meter_.set(now_, site, power); }
  void lose_worker(SiteId site);
  void await_failure(SiteId site);
  void schedule_wakeup(SiteId site);
  void run_script(const fabric::FaultScript::Event& event);
  void inflict(std::uint32_t fault, bool begins);

  // Between sites, in flow_twin_network.cpp.
  void watch(SiteId site, const net::PathWatch::Event& event);
  void wake_watch(SiteId site);
  void perform(SiteId site, SiteId peer, const net::Hello& action);
  void perform(SiteId site, SiteId peer, const net::HelloReply& action);
  void perform(SiteId site, SiteId peer, const net::LinkReport& action);
  void perform(SiteId site, SiteId peer, const net::PathUp& action);
  void perform(SiteId site, SiteId peer, const net::PathDown& action);
  void perform(SiteId site, SiteId peer, const net::RouteSet& action);
  void perform(SiteId site, SiteId peer, const net::PeerUp& action);
  void perform(SiteId site, SiteId peer, const net::PeerDown& action);
  void perform(SiteId, SiteId, const net::RouteChanged&) { ++outcome_.reroutes; }
  void perform(SiteId, SiteId, const net::OrderRefused&) {}  ///< The controller repeats itself.
  void put_on_link(SiteId near, Probe probe);
  void send(SiteId from, SiteId to, fabric::SiteMessage message);
  void receive(const Message& message, const train::SyncMessage& body);
  void receive(const Message& message, const net::LinkReport& body);
  void receive(const Message& message, const net::RouteOrder& body);
  template <class Other>
  void receive(const Message&, const Other&) {}
  void report(const net::LinkReport& report);
  void set_route(SiteId from, SiteId to, net::TrafficClass traffic);
  void set_link(std::uint32_t direction);
  bool carries(std::uint32_t direction) const;
  std::optional<net::PathId> path_of(SiteId from, SiteId to, net::TrafficClass traffic) const;
  void account(SiteId from, SiteId to);
  void pass_packet(SiteId from, SiteId to, net::PathId path, bool answer);

  Config config_;
  Rng rng_;
  net::Topology topology_;
  Queue<Event> queue_;
  Instant now_;
  Digest digest_;
  std::vector<std::unique_ptr<SiteState>> sites_;
  std::vector<Direction> directions_;
  FlowSimulator flows_;
  std::map<std::uint64_t, Message> messages_;  ///< Under way, by the number of its flow.
  std::uint64_t next_message_ = 0;
  net::Controller controller_;
  fabric::FaultScript script_;
  fabric::ActiveFaults faults_;
  PowerMeter meter_;
  FleetOutcome outcome_;
  std::size_t finished_ = 0;
};

}  // namespace axs::twin
