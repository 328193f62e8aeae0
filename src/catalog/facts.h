#pragma once

#include <concepts>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "axs/core/json.h"
#include "axs/core/units.h"

/// What a run leaves behind for people and reports: events.jsonl, one JSON object per line. Each
/// line has v, run, site, at (ns on that site's clock) and type, then the fields of the fact. Sites
/// and links go by their names, so that a line can be read on its own. A fact may have no field
/// with one of those five names.
namespace axs::catalog {

/// 2 added what a report needs: places, links, phases, faults, the prediction, traffic, delays. 3
/// added what the program was built of, what sites sent whom for a sync, the version of sessions. 4
/// added why traffic was moved, and planned handovers. 5 added how long an evaluation took. A
/// reader takes older lines too; what they lack has its default. It refuses newer ones.
inline constexpr int facts_version = 5;

/// Where and when a fact was noted. Those of the controller and of the emulator, which share a
/// clock, have no site.
struct FactOrigin {
  std::string run;
  std::string site;
  Instant at;
};

// Of the controller.
struct RunStarted {
  std::string scenario;
  std::uint64_t seed{};
  std::vector<std::string> sites;
  std::uint64_t tokens{};  ///< the budget
  std::uint32_t fragments{};
  std::uint64_t parameters{};
  std::string world;    ///< "live" or "twin"
  std::string command;  ///< repeats the run
  std::string program;  ///< its version
};
/// What the program that notes this was built of: with scenario, seed and corpus, what a run can be
/// repeated from.
struct BuiltFrom {
  std::string commit;  ///< "unknown" outside a git repository; ends in "-dirty" if files differed
  std::string compiler;
  std::string torch;  ///< of the worker of the same build; "none" if it was left out
  std::string openssl;
};
struct SiteDescribed {
  std::string name;
  double latitude_deg{};
  double longitude_deg{};
  std::string jurisdiction;
  std::string accelerators;  ///< "1 × cpu"
};
struct LinkDescribed {
  std::string link;
  std::string a;
  std::string b;
  std::string kind;
  BytesPerSecond rate_ab{};
  BytesPerSecond rate_ba{};
};
/// What the twin expects of the run, before it starts.
struct Predicted {
  Duration duration;
  Duration finishing;     ///< Of that, after the training: evaluating and writing the model.
  std::uint64_t bytes{};  ///< of UDP payload over all links
  std::uint64_t syncs{};
  std::string basis;  ///< what it was calibrated on
};
/// What the plan that the run carries out says of it.
struct Planned {
  Duration step;
  double spread = 1;  ///< nine of ten steps lie within step / spread and step × spread
  Duration training;  ///< all steps
  std::string basis;  ///< where the speeds of the devices are from
};
struct FaultBegan {
  std::uint32_t fault{};  ///< its number in the scenario
  std::string kind;       ///< "cut", "slow" or "kill"
  std::string target;     ///< a link, a site or a process
  double factor{};        ///< how many times slower, for "slow"
  Duration lasts;         ///< zero for a kill
  std::string done{};     ///< what was done about it, one sentence; empty in the twin
};
struct FaultEnded {
  std::uint32_t fault{};
};
/// The way of gradients from one site to another, as its sender measures it.
struct RouteMeasured {
  std::string from;
  std::string to;
  std::string path;
  Duration rtt;
  double loss{};  ///< of round trips
};
/// A life of the controller; each has a greater term.
struct ControllerStarted {
  std::uint64_t term{};
  std::int32_t pid{};
};
/// Another one of a greater term has been at work: this one gives no more orders.
struct ControllerSuperseded {
  std::uint64_t term{};
  std::uint64_t by{};
};
/// What a way between two sites was like, as its sender had measured it.
struct PathSeen {
  std::string path;  ///< empty: there was none
  bool up{};
  Duration rtt;  ///< smoothed
  Duration jitter;
  double loss{};          ///< of round trips
  Duration cost;          ///< what paths are compared by: round trip, jitter and loss in one
  BytesPerSecond rate{};  ///< 0: not known
};
/// Why traffic was moved: what was seen of both paths, and the rule that moved it.
struct RouteGrounds {
  PathSeen left{};
  PathSeen taken{};
  std::string rule{};   ///< the reason; if that is an order, the controller's own
  Duration measured{};  ///< how long the old path was silent, or the new one better, or up
  Duration limit{};     ///< what `measured` had to reach
  std::string sentence{};
};
/// The controller wants this traffic on another path; the site says so when it has moved.
struct RouteOrdered {
  std::string from;
  std::string to;
  std::string traffic;
  std::string path;
  std::string reason;
  RouteGrounds grounds{};
};
/// What bulk may send over a path while a lease lasts.
struct LeasedPath {
  std::string path;
  BytesPerSecond rate{};  ///< of frames
};
/// The controller has granted the bulk of a pair another lease of spare capacity than before. It is
/// renewed, which is not noted, until another one of these comes for the pair.
struct LeaseGranted {
  std::string from;
  std::string to;
  std::vector<LeasedPath> paths;  ///< none: the lease has ended
  Duration lasts;                 ///< if nobody renews it
  std::uint64_t waiting{};        ///< bytes of bulk, as the site said; likewise of gradients:
  BytesPerSecond gradient_rate{};
  std::uint64_t gradient_burst{};
  std::string sentence{};
};
/// A process that `axs run` keeps alive: "underlay", "controller" or "agent of <site>".
struct ProcessStarted {
  std::string process;
  std::int32_t pid{};
};
struct ProcessLost {
  std::string process;
  std::string reason;
};
struct RunFinished {
  std::uint64_t tokens{};  ///< merged, over all sites
};

// Of the emulator, or of the agent that sends.
/// One direction of a link; counted since the start of the process that says so.
struct LinkTraffic {
  std::string link;
  std::string from;
  std::string to;
  std::uint64_t bytes{};  ///< of UDP payload, offered to the link
  std::uint64_t packets{};
  std::uint64_t lost{};  ///< packets
  Duration one_way;      ///< propagation now; zero if the writer does not know it
  bool up = true;
};

// Of a site's agent.
struct SiteStarted {
  std::uint32_t incarnation{};
  std::int32_t pid{};
};
/// The site has merged the last sync.
struct SiteFinished {
  std::uint64_t tokens{};  ///< merged, over all sites
};
struct SiteStopped {
  std::string reason;
};
/// The site's agent has got its certificate, for a key made there and a token.
struct Enrolled {
  Hash256 certificate{};  ///< the SHA-256 of its DER form
};

// Of its worker.
struct WorkerStarted {
  std::int32_t pid{};  ///< 0 if it is no process of its own
};
struct WorkerReady {
  std::uint64_t applied{};  ///< the first sync that its saved state lacks
  std::uint64_t parameters{};
  std::uint64_t train_bytes{};
  std::uint64_t validation_bytes{};
  Hash256 corpus{};
};
struct WorkerLost {
  std::string reason;
};
struct Progress {
  std::uint64_t steps{};
  std::uint64_t tokens{};
  double loss{};
  Duration step_time;
  Duration sync_time;  ///< Of capturing, merging and saving, per step; zero if nobody knows.
};
struct Evaluated {
  double loss{};
  std::uint64_t tokens{};
  Duration took{};  ///< of reading them; zero if nobody knows
};
struct Exported {
  std::string folder;
};

// Of the outer synchronisation.
struct Contributed {
  std::uint64_t sync{};
  std::uint64_t begin{};  ///< tokens of the site's shard
  std::uint64_t end{};
  std::uint64_t bytes{};
};
/// A contribution goes to a peer: joins the sync, which is the trace id of all that belongs to one
/// round, with the message, whose number every packet carries that carries a piece of it.
struct ContributionSent {
  std::uint64_t sync{};
  std::string of;  ///< whose: a site hands on what another lacks
  std::string peer;
  std::string traffic;
  std::uint64_t message{};
  std::uint64_t bytes{};
};
struct SyncClosed {
  std::uint64_t sync{};
  std::uint32_t members{};
  Duration waited;
};
struct MergedRange {
  std::string site;
  std::uint64_t begin{};
  std::uint64_t end{};
};
/// One per site and sync: the ledger of tokens. After a kill the same sync may come again, with the
/// same members and hash.
struct SyncApplied {
  std::uint64_t sync{};
  std::vector<MergedRange> members;
  Hash256 hash{};
};
struct Diverged {
  std::uint64_t sync{};
  std::string other;
};

// Of the transfers of the scenario; the sender notes what began and is done.
/// The receiver wants the bytes from `kept` on: what is before it has from an earlier life.
struct TransferBegan {
  std::uint32_t transfer{};  ///< its number in the scenario
  std::string name;          ///< of the file
  std::string from;
  std::string to;
  std::uint64_t bytes{};
  std::uint64_t kept{};
};
/// So much of it is on the receiver's disk; noted now and then.
struct TransferProgressed {
  std::uint32_t transfer{};
  std::string name;
  std::string from;
  std::string to;
  std::uint64_t kept{};
};
/// The receiver has all of it on its disk, and its hash is right.
struct TransferDone {
  std::uint32_t transfer{};
  std::string name;
  std::string from;
  std::string to;
  std::uint64_t bytes{};
  Duration took;  ///< since this life of the sender began with it
};
/// Either end gives it up until its agent is started again.
struct TransferFailed {
  std::uint32_t transfer{};
  std::string name;
  std::string from;
  std::string to;
  std::string reason;
};

// Of its connections.
struct SessionUp {
  std::string peer;
  std::uint32_t incarnation{};
  std::uint32_t version{};  ///< of the messages, as both agreed
};
struct SessionLost {
  std::string peer;
};
struct HandshakeFailed {
  std::string peer;
  std::string reason;
};
struct PathUp {
  std::string peer;
  std::string path;
};
struct PathDown {
  std::string peer;
  std::string path;
};
struct RouteChanged {
  std::string peer;
  std::string traffic;
  std::string path;
  std::string reason;
  RouteGrounds grounds{};
};
/// Gradients to the peer keep off a planned change of satellites for so long; the route stays.
struct HandoverKept {
  std::string peer;
  std::string path;
  std::string instead;  ///< what they take meanwhile; empty: they wait
  Duration lasts;
};
/// What bulk to the peer had leased ends before the controller says so.
struct LeaseLost {
  std::string peer;
  std::string path;  ///< has died; empty: all paths, for nobody renewed the lease
};
struct PeerMisbehaved {
  std::string peer;
  std::string what;
};

using AnyFact =
    std::variant<RunStarted, SiteDescribed, LinkDescribed, Predicted, FaultBegan, FaultEnded,
                 RouteMeasured, RunFinished, LinkTraffic, SiteStarted, SiteFinished, SiteStopped,
                 WorkerStarted, WorkerReady, WorkerLost, Progress, Evaluated, Exported, Contributed,
                 SyncClosed, SyncApplied, Diverged, SessionUp, SessionLost, HandshakeFailed, PathUp,
                 PathDown, RouteChanged, PeerMisbehaved, ControllerStarted, ControllerSuperseded,
                 RouteOrdered, ProcessStarted, ProcessLost, BuiltFrom, ContributionSent, Enrolled,
                 HandoverKept, TransferBegan, TransferDone, TransferFailed, LeaseGranted, LeaseLost,
                 TransferProgressed, Planned>;

template <class T, class Variant>
inline constexpr bool is_kind_of = false;
template <class T, class... Kinds>
inline constexpr bool is_kind_of<T, std::variant<Kinds...>> = (std::same_as<T, Kinds> || ...);

/// One of them. How it is copied, moved and destroyed is compiled once, because a variant of so
/// many kinds takes a compiler seconds in every file that does any of it.
class Fact : public AnyFact {
 public:
  Fact();
  template <class T>
    requires is_kind_of<T, AnyFact>
  Fact(T held) : AnyFact{std::in_place_type<T>, std::move(held)} {}
  Fact(const Fact& other);
  Fact(Fact&& other) noexcept;
  Fact& operator=(const Fact& other);
  Fact& operator=(Fact&& other) noexcept;
  ~Fact();
};

/// A fact with its origin: what a line of events.jsonl says.
struct Noted {
  FactOrigin origin;
  Fact fact;
};

/// The line of events.jsonl, with its end of line.
std::string fact_line(const FactOrigin& origin, const Fact& fact);

}  // namespace axs::catalog
