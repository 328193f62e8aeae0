#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "axs/core/id.h"
#include "axs/core/time.h"
#include "axs/net/topology.h"
#include "axs/net/transport.h"

namespace axs::net {

/// Of what enters a link in this time some is lost, as is known beforehand. Since the run's epoch.
struct PlannedBreak {
  Duration from{};
  Duration until{};
};

/// Of one link, both directions; in order, not overlapping.
struct LinkBreaks {
  LinkId link{};
  std::vector<PlannedBreak> breaks{};
};

/// What a site knows beforehand of the links, and how its own clock relates to the run's: at time t
/// of the run it shows `epoch` + t, wrong by no more than `error` + `drift` t.
struct HandoverPlan {
  std::vector<LinkBreaks> links{};
  Instant epoch{};
  Duration error = milliseconds(5);
  double drift = 20e-6;  ///< What NTP leaves of a quartz, with room to spare.

  Duration guard(Duration t) const { return error + scaled(t, drift); }
};

/// Keeps the traffic to one peer off the planned breaks of its paths. Shortly before one the path
/// is put on hold: what was to go over it goes over the cheapest other path that is free until the
/// break is over, or waits, if by that it arrives sooner. Afterwards all is as before, so nothing
/// that chooses routes hears of it.
///
/// A hold begins before the break by the guard, by what the path's queues may hold, and, if the
/// break is not on the first link, by the time to get there; it ends the guard after the break. A
/// clock that may be wrong by more than `guard_max` plans nothing. What would be silent for longer
/// than `hold_max` is no handover, and is left alone.
class HandoverKeeper {
 public:
  static constexpr Duration guard_max = milliseconds(250);
  static constexpr Duration hold_max = seconds(1);

  /// What is known of a path now.
  struct Seen {
    bool up{};
    Duration rtt{};
    Duration queue{};  ///< How long what has been sent may still wait before links.
    Duration cost{};   ///< latency_cost()
  };

  HandoverKeeper(std::shared_ptr<const HandoverPlan> plan, std::span<const CandidatePath> paths);

  /// `seen` is by PathId. To be called at wakeup() at the latest.
  void step(Instant now, std::span<const Seen> seen, std::vector<PathHold>& holds);
  std::optional<Instant> wakeup() const { return wakeup_; }

 private:
  /// A link of a path, and its first break that has not yet been provided for.
  struct Hop {
    const std::vector<PlannedBreak>* breaks;
    std::size_t next = 0;
    bool beyond{};  ///< Not the first link.
  };
  struct Path {
    std::vector<Hop> hops{};
    std::optional<Instant> held_until{};
  };
  /// When the path must fall silent, and for which break.
  struct Due {
    std::size_t hop{};
    Instant at{};
  };

  std::optional<Due> due(const Path& path, const Seen& seen) const;
  PathHold next_hold(std::size_t path, std::span<const Seen> seen);
  std::optional<PathId> instead(const PathHold& held, std::span<const Seen> seen) const;
  Instant end(const PlannedBreak& planned, int guards) const;
  void skip(Path& path) const;

  std::shared_ptr<const HandoverPlan> plan_;
  std::vector<Path> paths_;                                 ///< By PathId.
  std::optional<Instant> wakeup_ = Instant{INT64_MIN / 2};  ///< At once, on any clock.
  Instant now_{};                                           ///< Only during step().
};

}  // namespace axs::net
