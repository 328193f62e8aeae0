#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "axs/core/policy.h"
#include "axs/net/path_monitor.h"
#include "axs/net/topology.h"

namespace axs::net {

/// The monitors of one site, one per peer, and what they share.
///
/// Links: the monitor of the peer at the other end of a link finds out whether it lives. When it
/// dies, every path of this site that begins with it dies at once, and the hellos to all other
/// peers say so from then on, the first at once: their paths over this site and that link die one
/// propagation later. A site is believed about its own links only.
///
/// Hellos: all together at most `Config::hellos` a second each way. If the monitors want more, the
/// slow ones are stretched to a quarter of that, and those where traffic flows to the rest.
class PathWatch {
 public:
  struct Config {
    SiteId self;
    const Topology& topology;  ///< Not kept.
    std::uint64_t token{};     ///< Grows with every start of this agent.
    /// Two links at 1 ms. `axs bench failover` measures what that costs: more than 2 % of a core.
    double hellos = 2'000;
  };
  /// `what` concerns the paths to `peer`, who must be another site of the topology.
  struct Event {
    SiteId peer;
    PathMonitor::Event what;
  };
  struct Action {
    SiteId peer;
    PathMonitor::Action what;
  };

  explicit PathWatch(const Config& config);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  /// Wakes the monitors that are due.
  void step(Instant now, Wakeup, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const { return wakeup_; }

  const PathMonitor& monitor(SiteId peer) const { return peers_.at(peer).monitor; }
  /// Own links that are dead.
  const std::set<LinkId>& lost() const { return own_lost_; }

 private:
  struct Peer {
    PathMonitor monitor;
    std::vector<CandidatePath> paths{};
    std::vector<LinkId> told{};  ///< Links of the peer that it says are dead.
  };

  void run(SiteId id, const PathMonitor::Event& event);
  void hear(SiteId from, const Hello& hello);
  void perform(SiteId id, PathMonitor::Action& action);
  void note(SiteId id, PathId path, bool up);
  void share();
  void need_links();
  void set_budget();
  void update_wakeup();
  bool ends_at(LinkId link, SiteId site) const;
  std::vector<LinkId> lost_beyond(SiteId peer) const;
  std::vector<LinkId> relayed_by(SiteId peer) const;

  struct Ends {
    SiteId a;
    SiteId b;
  };
  SiteId self_;
  double hellos_;
  std::map<LinkId, Ends> links_;
  std::map<SiteId, Peer> peers_;
  std::set<LinkId> own_lost_;
  bool shared_ = true;  ///< All monitors know which links are dead.
  std::optional<Instant> budget_at_;
  std::optional<Instant> wakeup_ = Instant{INT64_MIN / 2};  ///< At once, on any clock.
  // Only during step().
  Instant now_{};
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace axs::net
