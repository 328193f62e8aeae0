#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/net/availability.h"
#include "axs/net/path_estimator.h"
#include "axs/net/route_choice.h"
#include "axs/net/routing.h"
#include "axs/net/topology.h"
#include "axs/net/transport.h"

namespace axs::net {

/// An authenticated hello has come in; it lay at this site for `waited` before this step, because
/// this process did not run or chose to read later: no fault of the link.
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
  Duration waited{};
};
/// Links that are known to be dead, at all sites: paths of two links over one of them are dead too.
struct LinksLost {
  std::vector<LinkId> links;
};
/// Traffic between other sites runs over this link to the peer.
struct LinkNeeded {
  LinkId link;
};
/// Hellos are to leave at once on all links to the peer: there is news.
struct NewsToTell {};
/// There is something to tell the controller now.
struct ReportWanted {};
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
/// While traffic flows, the primary and its backup are probed every quarter of the range of the
/// primary's round trips, 1 ms at least: where jitter sets the silence limit anyway, more hellos
/// would find nothing out sooner. Only paths of one link are probed so fast. Whether both links of
/// a longer one live is said by LinksLost, so a link is probed once, not by every pair that uses
/// it. A packet that has just left takes the place of a hello while the peer is heard, once losses
/// are known to be rare; one hello in 10 ms still leaves, to measure.
///
/// Silence is judged by when packets reached the machine, and only in a Wakeup: whoever steps this
/// reads all that the kernel holds before. So our own stalls are nobody's silence.
///
/// Hello and HelloReply are to be sent over the path that they name, sealed; LinkReport goes to the
/// controller; PathUp, PathDown and RouteSet are events of the Transport to the same peer.
class PathMonitor {
 public:
  struct Config {
    SiteId local;
    SiteId peer;
    std::vector<CandidatePath> paths;  ///< Topology::paths(local, peer).
    std::uint64_t token{};             ///< Grows with every start of this agent.
    /// Between hellos while traffic flows; at least `fastest`, at most `active`.
    Duration fastest = milliseconds(1);
    Duration active = milliseconds(20);  ///< On primaries, backups and risen paths.
    Duration idle = milliseconds(200);
    /// Traffic counts as flowing for so long after a packet.
    Duration lull = seconds(3);
    Duration report_every = seconds(1);
    /// Without a sign of life on any path for so long the peer itself is down.
    Duration peer_limit = seconds(2);
    Hysteresis hysteresis{};
    FlapDamper::Config damping{};
  };

  using Event = std::variant<HelloReceived, HelloReplyReceived, TrafficReceived, OrderReceived,
                             PathHold, LinksLost, LinkNeeded, NewsToTell, ReportWanted, Wakeup>;
  using Action = std::variant<Hello, HelloReply, LinkReport, PathUp, PathDown, RouteSet, PeerUp,
                              PeerDown, RouteChanged, OrderRefused>;

  explicit PathMonitor(const Config& config);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  /// A packet of ours leaves on this path. No event, because nothing follows from it at once.
  void sent(Instant now, PathId path) {
    if (known(path)) at(path).sent_at = now;
  }
  std::optional<Instant> wakeup() const { return wakeup_; }

  bool up(PathId path) const { return at(path).up; }
  /// Of the last order that it took.
  const Fence& applied() const { return applied_; }
  const ClassRoutes& routes() const { return routes_; }
  const PathEstimator& estimator(PathId path) const { return at(path).estimator; }
  /// How long the path may now show no life.
  Duration silence_limit(PathId path) const { return at(path).limit; }
  /// Between its hellos.
  Duration hello_interval(PathId path) const { return interval(at(path)); }
  /// Whether there was traffic of late.
  bool busy() const { return busy_; }

  /// By PathId.
  std::vector<PathReport> reports() const;

  /// Hellos per second that this monitor would send if nobody stretched the intervals. Those that
  /// packets take the place of cost nothing.
  struct Demand {
    double fast{};  ///< While traffic flows.
    double slow{};
    /// If no traffic flowed. Slow ones are stretched for all of these: were they stretched for
    /// `slow` alone, a few would come sooner when traffic ends, and the peer would take the next
    /// pause for death.
    double calm{};
  };
  Demand demand() const;
  /// Factors, from 1 on, by which the intervals are longer: there are other monitors.
  struct Stretch {
    double fast = 1;
    double slow = 1;
  };
  void stretch(const Stretch& stretch) { stretch_ = stretch; }

 private:
  struct Sent {
    std::uint64_t sequence{};
    Instant at{};
    bool answered{};
  };
  struct Asked {
    HelloAnswer answer{};
    Instant at{};
  };
  struct Path {
    PathEstimator estimator{};
    FlapDamper damper{};
    std::deque<Sent> outstanding{};  ///< Not yet judged, in order.
    std::uint64_t next_sequence = 0;
    std::uint64_t newest_answered = 0;
    Instant next_hello{};
    Instant measured_at{};             ///< The last hello left.
    Instant sent_at{};                 ///< The last packet that is no hello left.
    Instant spared_at{INT64_MIN / 2};  ///< A packet took the place of a hello.
    bool sure = false;                 ///< Losses are known to be rare.
    bool up = false;
    bool used = false;               ///< A primary or a backup.
    bool barred = false;             ///< One of its links is known to be dead.
    std::optional<PathHold> hold{};  ///< Until the peer is through with it too.
    std::optional<Instant> needed_at{};
    std::vector<Asked> asked{};  ///< Hellos to be answered in the next one.
    Duration interval{};         ///< At the last hello.
    /// The interval before it became shorter, as long as hellos at it may still come.
    Duration slower{};
    Instant slower_until{};
    /// The last sign of life, and the last that went both ways, in proven time.
    Duration heard{};
    Duration replied{};
    Duration limit = PathEstimator::limit_max;
    Duration last_limit{};  ///< The one that it died of.
    RouteRule fell{};       ///< Of what it died.
    bool peer_hears = false;
    std::pair<std::uint64_t, std::uint64_t> newest_hello{};  ///< Token, sequence + 1.
    int streak = 0;                                          ///< Answers in a row while down.
    std::uint64_t streak_sequence{};                         ///< Of the last of them.
    Instant streak_at{};
    Availability availability{};
  };
  struct Challenge {
    PathId path;
    Instant since{};
  };

  void on(const HelloReceived& event);
  void on(const HelloReplyReceived& event);
  void on(const TrafficReceived& event);
  void on(const OrderReceived& event);
  void on(const PathHold& event);
  void on(const LinksLost& event);
  void on(const LinkNeeded& event);
  void on(const NewsToTell&);
  void on(const ReportWanted&) { report_due_ = true; }
  void on(const Wakeup&) { bury_silent_paths(); }

  void start();
  void excuse_lateness();
  void prove_time(Instant at);
  void sign_of_life(Path& path, Duration waited);
  void take_answer(PathId id, const HelloAnswer& answer, Duration waited);
  void answered(PathId id, Sent& sent, const HelloAnswer& answer, Duration waited);
  Duration proven_now() const;
  Duration silence(const Path& path, Duration proven) const;
  Duration allowance(const Path& path) const;

  void run_timers();
  bool held(const Path& path) const { return path.hold && now_ < path.hold->until; }
  void excuse_held_paths();
  void bury_silent_paths();
  void probe(PathId id);
  void pass_over(PathId id);
  bool traffic_stands_in(const Path& path) const;
  Instant next_hello(const Path& path) const;
  void judge(Path& path);
  void raise(PathId id);
  void bury(PathId id, const RouteRule& fell);

  void reroute();
  ClassRoute repaired(const std::optional<ClassRoute>& route) const;
  std::optional<PathId> repaired_backup(PathId primary, std::optional<PathId> backup) const;
  ClassRoute obeying(const ClassRoute& ordered, const std::optional<ClassRoute>& current) const;
  void choose_freely();
  void set_route(TrafficClass traffic, const ClassRoute& route, RouteReason reason,
                 const RouteRule& rule);
  void mark_used();
  void report();

  bool is_link(const Path& path) const;
  bool fast(const Path& path) const;
  /// Between the hellos of a path while no traffic flows.
  Duration calm_interval(const Path& path) const;
  Duration unstretched(const Path& path) const;
  void note_interval(Path& path);
  Duration expected(const Path& path) const;
  Duration interval(const Path& path) const;
  void set_pace();
  bool any_up() const;
  bool known(PathId path) const { return path.value < paths_.size(); }
  Path& at(PathId path) { return paths_[path.value]; }
  const Path& at(PathId path) const { return paths_[path.value]; }
  void update_wakeup();
  std::optional<Instant> death_without_a_word(const Path& path, Duration proven,
                                              Duration reach) const;
  Duration usual_gap() const;

  Config config_;
  std::vector<Path> paths_;  ///< By PathId.
  ClassRoutes routes_;
  Fence applied_;
  std::optional<Challenge> challenge_;
  bool started_ = false;
  bool report_due_ = false;
  std::uint64_t reports_sent_ = 0;
  Instant next_report_{};
  Instant peer_up_at_{};
  Instant last_life_{};   ///< On any path: when it reached this machine.
  Duration excused_{};    ///< For so long since then this process did not run,
  Instant excused_at_{};  ///< as it last found out then.
  /// Time during which the peer is known to have been alive: it advances with each sign of life, by
  /// no more than two intervals. Silence of a path is counted in it, because silence on every path
  /// at once (either process was stopped, or everything is cut) says nothing about one of them.
  Duration proven_{};  ///< At last_life_.
  Instant resumed_{};  ///< When a longer silence of all paths ended.
  bool busy_ = false;
  std::optional<Instant> traffic_at_{};
  Duration pace_{};  ///< Between hellos on the used paths, not stretched.
  Stretch stretch_{};
  std::optional<Instant> wakeup_ = Instant{INT64_MIN / 2};  ///< At once, on any clock.
  // Only during step().
  Instant now_{};
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace axs::net
