#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
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
/// propagation later. A site is believed about its own links only, and its newest hello, whichever
/// path that took.
///
/// Hellos: all together at most `Config::hellos` a second each way, or what afford() said last. If
/// the monitors want more, the slow ones are stretched to a quarter of that, and those where
/// traffic flows to the rest.
class PathWatch {
 public:
  struct Config {
    SiteId self;
    const Topology& topology;  ///< Not kept.
    std::uint64_t token{};     ///< Grows with every start of this agent.
    double hellos = 2'000;     ///< Two links at 1 ms.
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
  /// From now on hellos are at most so many a second each way: what one costs is the world's to
  /// know.
  void afford(double hellos) { hellos_ = hellos; }
  /// As PathMonitor::sent().
  void sent(Instant now, SiteId peer, PathId path) { peers_.at(peer).monitor.sent(now, path); }
  std::optional<Instant> wakeup() const {
    return due_.empty() ? std::nullopt : std::optional{due_.begin()->first};
  }

  const PathMonitor& monitor(SiteId peer) const { return peers_.at(peer).monitor; }
  /// Own links that are dead.
  const std::set<LinkId>& lost() const { return own_lost_; }

 private:
  struct Peer {
    PathMonitor monitor;
    std::vector<CandidatePath> paths{};
    std::set<LinkId> told{};  ///< Links of the peer that it says are dead.
    std::pair<std::uint64_t, std::uint64_t> told_at{};  ///< Token and news of that hello.
    std::optional<Instant> due{};                       ///< As in due_.
  };

  void run(SiteId id, const PathMonitor::Event& event);
  void hear(SiteId from, const Hello& hello);
  void hear_lost(SiteId from, const Hello& hello);
  void perform(SiteId id, PathMonitor::Action& action);
  void note(SiteId id, PathId path, bool up);
  void share();
  void need_links();
  void set_budget();
  void update_due(SiteId id, Peer& peer);
  bool ends_at(LinkId link, SiteId site) const;
  SiteId far_end(LinkId link) const;
  std::span<const LinkId> believable(const std::vector<LinkId>& links) const;
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
  std::uint64_t news_ = 1;  ///< Grows with every change of own_lost_.
  bool shared_ = true;      ///< All monitors know which links are dead.
  bool told_ = true;        ///< Hellos that say so of our own have been asked for.
  std::optional<Instant> budget_at_;
  std::set<std::pair<Instant, SiteId>> due_;  ///< When each monitor wants to be woken.
  // Only during step().
  Instant now_{};
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace axs::net
