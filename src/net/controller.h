#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/net/gradient_demand.h"
#include "axs/net/route_choice.h"
#include "axs/net/routing.h"
#include "axs/net/superhighway.h"
#include "axs/net/topology.h"

namespace axs::net {

struct ReportReceived {
  LinkReport report;
};

/// An agent has taken an order of a later controller: this one gives no more.
struct Superseded {
  std::uint64_t term{};
};

/// The SDN controller: from the reports of all agents it chooses, for every ordered pair of sites
/// and every traffic class, the path to use and the backup to hold ready.
///
/// control and gradient take the path of least latency_cost(). bulk takes the greatest rate among
/// the paths that cost no more than `bulk_stretch` times the least, if all rates are known, and
/// otherwise goes with the others.
///
/// Where a plan says what gradients it sends, they take the path on which their message is there
/// first beside the other pairs' routes: DemandLoad::cost(). So pairs answer to each other's moves,
/// one report after the other, each only for a gain.
///
/// What pairs have waiting as bulk may besides use what gradients leave of all links: with each
/// order goes the share that Superhighway grants the pair, for as long as its lease says. It is
/// renewed at the pair's reports while bulk waits.
///
/// It moves traffic off a dead path at once (the agent has mostly done so before). Otherwise it
/// moves only to a path that is better by Hysteresis for its whole holding time, that FlapDamper
/// does not hold down, and never twice for the same pair and class within one damping period. A
/// path that comes back has been held down already and is not made to wait again.
///
/// Time passes for it with reports: it evaluates a pair when the pair's agent reports, which agents
/// do every second and at each change. Reports with paths that the topology does not have, or with
/// impossible numbers, are ignored. Nothing depends on its memory: a new controller with a greater
/// term takes over from the routes that the reports show.
class Controller {
 public:
  struct Config {
    Topology topology;
    std::uint64_t term = 1;  ///< Greater than that of every earlier controller of the run.
    Hysteresis hysteresis{};
    FlapDamper::Config damping{};
    double bulk_stretch = 3;
    Superhighway::Config superhighway{};
    std::vector<GradientDemand> gradients{};  ///< None: they are taken for small.
    /// An order that a report does not yet show as taken is given again after this time.
    Duration repeat_after = seconds(2);
  };

  using Event = std::variant<ReportReceived, Wakeup>;
  using Action = std::variant<RouteOrder, RouteChanged, LeaseGranted, Superseded>;

  explicit Controller(Config config);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const { return {}; }

 private:
  struct Track {
    FlapDamper damper{};
    std::uint32_t steps{};
    std::optional<Instant> stepped{};
  };
  struct Challenge {
    PathId path;
    Instant since{};
  };
  /// One traffic class of one pair.
  struct Lane {
    std::optional<PathId> primary{};
    std::optional<Instant> moved_at{};
    std::optional<Challenge> challenge{};
    std::uint32_t missed{};  ///< A bit per path that died and has not been looked at since.
  };
  struct Pair {
    std::pair<std::uint64_t, std::uint64_t> newest{};  ///< Token and sequence of the report.
    std::vector<Track> tracks{};                       ///< By PathId.
    std::array<Lane, traffic_class_count> lanes{};
    ClassRoutes routes{};               ///< As ordered and not yet refused, or as reported.
    RouteRules rules{};                 ///< Of the last change of each.
    TrafficUse use{};                   ///< As reported last.
    std::optional<RouteOrder> order{};  ///< The last one given.
    Instant ordered_at{};
  };
  /// One report under evaluation.
  struct Case {
    const LinkReport& report;
    std::span<const CandidatePath> paths;
    Pair& pair;
    std::vector<PathReport> attractive;  ///< The report's paths, those held down marked as down.
  };
  struct Decision {
    ClassRoute route;
    RouteRule rule{};
  };

  void on(const ReportReceived& event);
  void on(const Wakeup&) {}

  bool fits(const LinkReport& report) const;
  Pair& pair_of(const LinkReport& report);
  void track(const LinkReport& report, Pair& pair);
  void evaluate(Case& at);
  void repeat(Case& at);
  void observe(Case& at, const ClassRoutes& current);
  std::optional<Decision> decide(Case& at, TrafficClass traffic,
                                 const std::optional<ClassRoute>& current);
  Duration cost(const Case& at, TrafficClass traffic, const PathReport& path) const;
  std::optional<PathId> best(const Case& at, TrafficClass traffic) const;
  bool superior(const Case& at, TrafficClass traffic, PathId challenger, PathId current) const;
  static void notice_dead(const Case& at, Lane& lane, std::optional<PathId> best);
  bool may_move(Case& at, TrafficClass traffic, PathId challenger, PathId current);
  RouteReason reason(const Case& at, TrafficClass traffic, PathId challenger, PathId current) const;
  RouteRule rule(const Case& at, TrafficClass traffic, PathId challenger, PathId current) const;
  std::optional<PathId> backup(const Case& at, PathId primary, std::optional<PathId> current) const;
  bool lease_due(const Case& at) const;
  void give_order(Case& at, const ClassRoutes& current,
                  const std::array<std::optional<Decision>, traffic_class_count>& decisions);
  void give_order(Superhighway::Pair key, Pair& pair);
  void tell_lease(Superhighway::Pair key, const Pair& pair);

  Config config_;
  Superhighway superhighway_;
  DemandLoad demand_;
  std::map<std::pair<SiteId, SiteId>, Pair> pairs_;
  std::uint64_t epoch_ = 0;
  bool superseded_ = false;
  // Only during step().
  Instant now_{};
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace axs::net
