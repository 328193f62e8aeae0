#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "axs/core/id.h"
#include "axs/core/time.h"
#include "axs/core/units.h"
#include "axs/net/frame.h"

/// What agents and the controller tell each other about paths. No Instant is in any of it: sites
/// share no clock.
namespace axs::net {

/// What a hello is answered with: its own words. `held`: how long it lay at the answering site.
struct HelloAnswer {
  std::uint64_t sequence{};
  std::uint64_t token{};
  Duration held{};
};

/// A probe. `token` names the incarnation of the sender, so that an answer meant for an earlier one
/// is known as such; `hears`: something came in on this path of late.
struct Hello {
  PathId path;
  std::uint64_t sequence{};
  std::uint64_t token{};
  bool hears{};
  std::vector<HelloAnswer> answers{};  ///< To hellos on the same path.
  /// Grows with every change of `lost` in this incarnation: older news never overrides newer.
  std::uint64_t news{};
  std::vector<LinkId> lost{};     ///< Links of the sender to third sites, all that are dead.
  std::vector<LinkId> relayed{};  ///< Links beyond the receiver that carry the sender's traffic.
};

/// The answer alone, when no hello is about to leave.
struct HelloReply {
  PathId path;
  HelloAnswer answer{};
};

/// Orders grow with it: `term` counts the lives of the controller, `epoch` its orders in one.
struct Fence {
  std::uint64_t term{};
  std::uint64_t epoch{};
  auto operator<=>(const Fence&) const = default;
};

struct ClassRoute {
  PathId primary;
  std::optional<PathId> backup;
  auto operator<=>(const ClassRoute&) const = default;
};

/// By TrafficClass; nothing: not routed.
using ClassRoutes = std::array<std::optional<ClassRoute>, traffic_class_count>;

/// What a path carries, as CapacityEstimator says, in bytes of packets inside the tunnel.
struct PathCapacity {
  BytesPerSecond known{};  ///< 0: not known.
  BytesPerSecond proven{};
  std::uint32_t steps{};  ///< Lasting shifts so far.
  auto operator<=>(const PathCapacity&) const = default;
};

/// One path as one end measures it. Round trips only: how they divide into two directions cannot
/// be known without a shared clock.
struct PathReport {
  PathId path;
  bool up{};
  Duration rtt{};  ///< Smoothed.
  Duration rtt_least{};
  Duration jitter{};
  double loss{};  ///< Of round trips.
  double availability{};
  std::uint32_t steps{};  ///< Lasting shifts of the round trip so far; likewise:
  std::uint32_t loss_steps{};
  std::uint32_t availability_steps{};
  PathCapacity carries{};
  auto operator<=>(const PathReport&) const = default;
};

/// What is sent to a peer, in bytes of frames: what a plan for bulk needs to know.
struct TrafficUse {
  std::uint64_t bulk_waiting{};  ///< And what is to follow it, as far as that is known.
  /// A high quantile of what gradients took in the seconds of the last minute.
  BytesPerSecond gradient_rate{};
  std::uint64_t gradient_burst{};  ///< The most that waited at once in it.
  auto operator<=>(const TrafficUse&) const = default;
};

/// What the agent at `from` knows of its paths to `to`. Of two with the same token the greater
/// sequence is the newer.
struct LinkReport {
  SiteId from;
  SiteId to;
  std::uint64_t token{};
  std::uint64_t sequence{};
  Fence applied{};  ///< Of the last order that it took.
  ClassRoutes routes{};
  std::vector<PathReport> paths;
  TrafficUse use{};
};

/// What bulk may send over a path, in bytes of frames.
struct PathShare {
  PathId path;
  BytesPerSecond rate{};
  auto operator<=>(const PathShare&) const = default;
};

/// cut: the old path died. slower: another has become the better one. recovered: a path that had
/// died is back, or the first has come up. handover: the old path's delay has jumped. order: the
/// controller said so.
enum class RouteReason : std::uint8_t { cut, slower, recovered, handover, order };

/// The rule that moved traffic, and its two times. cut: the old path showed no life for `measured`,
/// more than `limit`; both zero if somebody else said that it is dead. slower, handover: the new
/// path has been the better one for `measured`, of at least `limit`. recovered: it has been up for
/// `measured`, of at least `limit`.
struct RouteRule {
  RouteReason reason{};
  Duration measured{};
  Duration limit{};
  auto operator<=>(const RouteRule&) const = default;
};

/// By TrafficClass.
using RouteRules = std::array<RouteRule, traffic_class_count>;

/// The controller's word on the traffic from one site to another.
struct RouteOrder {
  Fence fence{};
  SiteId from;
  SiteId to;
  ClassRoutes routes{};
  RouteRules rules{};  ///< By which, where a path has changed.
  /// Bulk goes over these paths at these rates from now on for `lasting`, then over its route as
  /// the agent finds out what that carries. None: the latter at once.
  std::vector<PathShare> bulk{};
  Duration lasting{};
};

/// For the log: what the controller lets a pair's bulk send is another lease from now on; without
/// paths, none. `use`: what the pair's agent had reported.
struct LeaseGranted {
  SiteId from;
  SiteId to;
  std::vector<PathShare> bulk;
  Duration lasting{};
  TrafficUse use{};
};

/// For the log: from now on this traffic takes another path. The rule of an order is the
/// controller's own.
struct RouteChanged {
  SiteId from;
  SiteId to;
  TrafficClass traffic{};
  std::optional<PathId> old_path;
  PathId new_path;
  RouteReason reason{};
  RouteRule rule{};
  std::optional<PathReport> old_seen{};  ///< The paths as they were known to whom moved it.
  PathReport new_seen{};
};

}  // namespace axs::net
