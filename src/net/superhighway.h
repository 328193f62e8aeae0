#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "axs/core/time.h"
#include "axs/net/flow_problem.h"
#include "axs/net/routing.h"
#include "axs/net/topology.h"

namespace axs::net {

/// Shares out what gradients leave free of all links among the pairs of sites that have bulk to
/// send, max-min fair, over several paths each. What it grants is a lease for a few seconds;
/// whoever still waits has it renewed. docs/design/023-superhighways.md derives the bounds.
///
/// A plan is made when a report says something new, at most once per `damping` unless a path with a
/// share has died, and every `refresh` while there are shares. The same reports give the same plan.
class Superhighway {
 public:
  struct Config {
    /// By how much bulk may lengthen the way of a gradient, of its latency without bulk.
    double harm = 0.05;
    Duration damping = seconds(2);
    Duration refresh = seconds(10);
    Duration lease = seconds(4);
    /// Paths that cost more than so many times the least are not for bulk either.
    double stretch = 3;
  };
  /// From, to.
  using Pair = std::pair<SiteId, SiteId>;

  Superhighway(const Topology& topology, const Config& config);

  /// `report`'s numbers are sane and `paths` are the pair's; `attractive` says which of them may
  /// carry bulk. The pairs whose shares are other ones now.
  std::vector<Pair> hear(Instant now, const LinkReport& report,
                         std::span<const CandidatePath> paths,
                         const std::vector<PathReport>& attractive);
  /// What a pair's bulk may send now; nothing if it has nothing to send.
  const std::vector<PathShare>& shares(const Pair& pair) const;
  Duration lease() const { return config_.lease; }

 private:
  /// One direction of a link; rates are in bytes of the link per second.
  struct Link {
    SiteId from;
    SiteId to;
    LinkId id;
    double nominal{};  ///< 0 if not known.
  };
  using Hops = std::vector<std::uint32_t>;  ///< By place in links_.
  struct Way {
    bool usable{};
    double measured{};  ///< 0 if not known.
  };
  /// What a plan takes from the report of one pair.
  struct Needs {
    std::vector<Way> ways;  ///< By PathId.
    double bulk{};          ///< Rate wanted; likewise of gradients.
    double gradients{};
    double burst{};    ///< Bytes of gradients at once.
    double latency{};  ///< One way, seconds.
    std::optional<PathId> gradient_path{};
  };
  struct Held {
    std::vector<Hops> hops;  ///< By PathId.
    Needs heard;
    Needs planned;
    Instant heard_at{};
    std::vector<PathShare> shares;
    // Only during plan().
    std::vector<PathShare> next{};
    std::optional<PathShare> trickle{};  ///< If it is to have nothing else.
    bool needs_plan() const { return heard.bulk > 0 || !shares.empty(); }
  };
  /// What gradients leave of one link, and how tightly.
  struct Room {
    double capacity{};
    double gradients{};
    double burst{};
    double latency{};  ///< The least of those that pass.
    std::uint32_t pairs{};
    Pair sole{};  ///< If it is one.
  };

  /// A path that a plan may use.
  struct Offer {
    Held* held;
    PathId path;
    Hops constraints;  ///< By place in links_; links_.size() further: with bulk of other pairs.
  };

  Hops hops_of(SiteId from, const CandidatePath& path) const;
  Needs needs_of(const LinkReport& report, std::span<const CandidatePath> paths,
                 const std::vector<PathReport>& attractive) const;
  std::vector<Room> rooms(Instant now) const;
  void measure(std::vector<Room>& rooms) const;
  double spare(const Room& room) const;
  double spare_for_others(const Room& room) const;
  bool fresh(const Held& held, Instant now) const { return now - held.heard_at <= config_.refresh; }
  Hops constraints(const Pair& pair, const Hops& hops, const std::vector<Room>& rooms) const;
  bool new_to_plan(const Held& held) const;
  std::vector<Pair> plan(Instant now);
  std::vector<Offer> offers(Instant now, const std::vector<Room>& rooms);
  FlowProblem problem_of(std::vector<Offer>& offers, const std::vector<Room>& rooms) const;
  static bool assign(Held& held);

  Config config_;
  std::vector<Link> links_;  ///< Sorted by id; of each its two directions.
  std::map<Pair, Held> pairs_;
  std::size_t needy_ = 0;  ///< Pairs that need a plan.
  std::optional<Instant> planned_at_;
  bool stale_ = false;
};

}  // namespace axs::net
