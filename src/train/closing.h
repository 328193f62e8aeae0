#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "axs/core/time.h"
#include "axs/train/decision.h"

/// When a sync closes, and when the run ends: what the leading site works out before it proposes.
namespace axs::train {

/// How long a closed majority waits for the rest: median + 4·MAD of how late the last ones recently
/// were, but never longer than the median time between syncs, so that nobody ever waits more than
/// two of them.
class GraceWindow {
 public:
  /// A contribution came `late` after the majority was there.
  void arrived(Duration late) { push(lateness_, late); }
  /// A sync closed `gap` after the one before.
  void closed(Duration gap) { push(gaps_, gap); }
  Duration value() const;

 private:
  static void push(std::deque<Duration>& history, Duration value);
  std::deque<Duration> lateness_;
  std::deque<Duration> gaps_;
};

/// Shares the rest of the token budget out when the end is in sight, so that all sites stop at the
/// right token.
class Budget {
 public:
  struct Config {
    std::uint64_t tokens = 0;           ///< over all sites together
    std::uint64_t tokens_per_step = 1;  ///< of one site: it stops at whole steps
    std::uint32_t fragments = 1;
  };
  explicit Budget(Config config) : config_{config} {}

  /// A decision that was chosen, in order.
  void chosen(SyncId sync, const Decision& decision);

  /// The stops that a decision with these members shall carry; empty while the end is far.
  std::vector<StopAt> stops(const std::vector<Contribution>& members) const;

  /// True if nothing of that site is missing in the fragment of `sync`: it stopped, and all it did
  /// is merged.
  bool at_stop(SyncId sync, SiteId site) const;
  /// True if that holds for all fragments of all these sites.
  bool complete(const std::vector<SiteId>& sites) const;

  /// The end of the range that was last merged into the fragment of `sync` for that site; 0 before
  /// the first.
  std::uint64_t merged_end(SyncId sync, SiteId site) const;
  /// Where a site stops; one that was away when the stops were given stops where it is.
  std::optional<std::uint64_t> stop_of(SiteId site) const;
  /// Tokens merged so far into the fragment that has most.
  std::uint64_t merged() const;

 private:
  Config config_;
  std::vector<std::map<SiteId, std::uint64_t>> ends_ =
      std::vector<std::map<SiteId, std::uint64_t>>(config_.fragments);
  std::vector<StopAt> stops_;
};

}  // namespace axs::train
