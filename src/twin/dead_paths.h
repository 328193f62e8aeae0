#pragma once

#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <utility>

#include "axs/core/id.h"
#include "axs/core/time.h"
#include "axs/net/topology.h"

namespace axs::twin {

/// One direction of a path between two sites.
struct Way {
  SiteId from;
  SiteId to;
  net::PathId path;
  auto operator<=>(const Way&) const = default;
};

/// Which ways are dead, and how long their senders could have known it. That is not counted by the
/// clock: a sender learns that one path is silent only while it hears its peer on another. So time
/// is counted as far as signs of life of the peer prove it, each of them for no more of the silence
/// before it than hellos usually leave. While nothing else lives, no time passes.
class DeadPaths {
 public:
  /// The sender on that way has heard its peer over the same path; of the silence before that,
  /// `most` counts. It may have been under way when the path died.
  void heard(Instant now, const Way& way, Duration most);

  /// The way is dead from here on, unless it has been so for longer, and its sender may use it so
  /// much longer; nothing: it does not use it now.
  void died(const Way& way, Instant judged, std::optional<Duration> allowed);
  /// What a sender allows now. That may be more than it was when the way died as long as hellos of
  /// before are being judged.
  template <class Allowed>
  void review(Instant now, SiteId sender, const Allowed& allowed) {
    for (auto& [way, dead] : dead_)
      if (way.from == sender && dead.allowed && now <= dead.judged)
        dead.allowed = std::max(*dead.allowed, allowed(way));
  }
  void revived(const Way& way) { dead_.erase(way); }
  /// The sender has died, and what it knew.
  void forget(SiteId sender);

  struct Use {
    /// Of proven time, since the way died or, if later, was taken into use or last heard on.
    Duration lasted{};
    Duration allowed{};
  };
  /// Data leaves on the way; nothing if that lives. `allowed` is what its sender has from here on
  /// if it had not used the way before.
  std::optional<Use> used(const Way& way, Duration allowed);

 private:
  using Pair = std::pair<SiteId, SiteId>;  ///< Who hears whom.
  struct Ear {
    Instant last{};
    Duration proven{};
  };
  struct Dead {
    Instant judged{};
    Duration since{};  ///< Proven.
    std::optional<Duration> allowed{};
  };

  std::map<Pair, Ear> ears_;
  std::map<Way, Dead> dead_;
};

}  // namespace axs::twin
