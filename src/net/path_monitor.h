#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/net/path_estimator.h"
#include "axs/net/route_choice.h"
#include "axs/net/routing.h"
#include "axs/net/topology.h"
#include "axs/net/transport.h"

namespace axs::net {

/// An authenticated hello has come in; it lay at this site for `waited` before this step.
struct HelloReceived {
  Hello hello;
  Duration waited{};
};
/// Likewise a reply.
struct HelloReplyReceived {
  HelloReply reply;
  Duration waited{};
};
/// Any other authenticated packet of the peer came in on this path.
struct TrafficReceived {
  PathId path;
};
struct OrderReceived {
  RouteOrder order;
};

/// A path to the peer is up again, or none is any more.
struct PeerUp {};
struct PeerDown {};
/// An order that is older than the one held, or that names a path that does not exist.
struct OrderRefused {
  Fence given{};
  Fence held{};
};

/// One agent's view of one peer: probes every candidate path, finds out which live, and says which
/// carry which traffic. It needs no controller: it chooses for itself until the first order, and
/// leaves a dead path at once whoever chose it. After an order it returns to a path only by order.
///
/// Hello and HelloReply are to be sent over the path that they name, sealed; LinkReport goes to the
/// controller; PathUp, PathDown and RouteSet are events of the Transport to the same peer.
class PathMonitor {
 public:
  /// With 110 bytes per hello on the wire, each answered, a path in use costs 88 kb/s each way and
  /// an idle one 8.8: for 4 in use of 16 that is 458 kb/s, below 0.5 % of 100 Mb/s, should all
  /// cross the same link.
  struct Config {
    SiteId local;
    SiteId peer;
    std::vector<CandidatePath> paths;    ///< Topology::paths(local, peer).
    std::uint64_t token{};               ///< Grows with every start of this agent.
    Duration active = milliseconds(20);  ///< Between hellos on primaries, backups and risen paths.
    Duration idle = milliseconds(200);
    Duration report_every = seconds(1);
    /// Without a sign of life on any path for so long the peer itself is down.
    Duration peer_limit = seconds(2);
    Hysteresis hysteresis{};
    FlapDamper::Config damping{};
  };

  using Event =
      std::variant<HelloReceived, HelloReplyReceived, TrafficReceived, OrderReceived, Wakeup>;
  using Action = std::variant<Hello, HelloReply, LinkReport, PathUp, PathDown, RouteSet, PeerUp,
                              PeerDown, RouteChanged, OrderRefused>;

  explicit PathMonitor(const Config& config);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const { return wakeup_; }

  bool up(PathId path) const { return at(path).up; }
  const ClassRoutes& routes() const { return routes_; }
  const PathEstimator& estimator(PathId path) const { return at(path).estimator; }
  /// How long the path may now show no life.
  Duration silence_limit(PathId path) const { return at(path).limit; }

 private:
  struct Sent {
    std::uint64_t sequence{};
    Instant at{};
    bool answered{};
  };
  struct Path {
    PathEstimator estimator{};
    FlapDamper damper{};
    std::deque<Sent> outstanding{};  ///< Not yet judged, in order.
    std::uint64_t next_sequence = 0;
    Instant next_hello{};
    bool up = false;
    bool used = false;  ///< A primary or a backup.
    /// The last sign of life, and the last that went both ways, in proven time.
    Duration heard{};
    Duration replied{};
    Duration limit = PathEstimator::limit_max;
    bool peer_hears = false;
    std::pair<std::uint64_t, std::uint64_t> newest_hello{};  ///< Token, sequence + 1.
    int streak = 0;                                          ///< Answers in a row while down.
    std::uint64_t streak_sequence{};                         ///< Of the last of them.
    Instant streak_at{};
    Duration uptime{};  ///< Until `changed`.
    Instant changed{};
  };
  struct Challenge {
    PathId path;
    Instant since{};
  };

  void on(const HelloReceived& event);
  void on(const HelloReplyReceived& event);
  void on(const TrafficReceived& event);
  void on(const OrderReceived& event);
  void on(const Wakeup&) {}

  void start();
  void excuse_lateness();
  void prove_time();
  void sign_of_life(Path& path);
  void answered(PathId id, Sent& sent, const HelloReplyReceived& event);
  Duration silence(const Path& path) const;
  Duration allowance(const Path& path) const;

  void run_timers();
  void bury_silent_paths();
  void probe(PathId id);
  void judge(Path& path);
  void raise(PathId id);
  void bury(PathId id);

  void reroute();
  ClassRoute repaired(const std::optional<ClassRoute>& route) const;
  std::optional<PathId> repaired_backup(PathId primary, std::optional<PathId> backup) const;
  ClassRoute obeying(const ClassRoute& ordered, const std::optional<ClassRoute>& current) const;
  void choose_freely();
  void set_route(TrafficClass traffic, const ClassRoute& route, RouteReason reason);
  void mark_used();
  void report();

  Duration interval(const Path& path) const;
  std::vector<PathReport> reports() const;
  bool any_up() const;
  bool known(PathId path) const { return path.value < paths_.size(); }
  Path& at(PathId path) { return paths_[path.value]; }
  const Path& at(PathId path) const { return paths_[path.value]; }
  void update_wakeup();

  Config config_;
  std::vector<Path> paths_;  ///< By PathId.
  ClassRoutes routes_;
  Fence applied_;
  std::optional<Challenge> challenge_;
  bool started_ = false;
  bool report_due_ = false;
  std::uint64_t reports_sent_ = 0;
  Instant started_at_{};
  Instant next_report_{};
  Instant peer_up_at_{};
  Instant last_life_{};  ///< On any path.
  /// Time during which the peer is known to have been alive: it advances with each sign of life, by
  /// no more than two active intervals. Silence of a path is counted in it, because silence on
  /// every path at once (either process was stopped, or everything is cut) says nothing about one
  /// of them.
  Duration proven_{};
  std::optional<Instant> wakeup_ = Instant{INT64_MIN / 2};  ///< At once, on any clock.
  // Only during step().
  Instant now_{};
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace axs::net
