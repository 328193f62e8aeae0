#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "axs/core/time.h"
#include "axs/train/decision.h"
#include "axs/train/recent_durations.h"

/// When a sync closes, and when the run ends: what the leading site works out before it proposes.
namespace axs::train {

/// How long a closed majority waits for the rest: median + 4·MAD of how late the last ones recently
/// were, but never longer than the median time between syncs, so that nobody waits more than two
/// of them; at first 2 s or what captured_after() has.
class GraceWindow {
 public:
  /// A contribution came `late` after the majority was there.
  void arrived(Duration late) { lateness_.add(late); }
  /// A sync closed `gap` after the one before. Several at once are a burst after an absence and say
  /// nothing.
  void closed(Duration gap) {
    if (gap > Duration{}) gaps_.add(gap);
  }
  /// Before anything was merged this site computed so long for a contribution. As long as nobody
  /// knows how late others are twice that is waited: their bytes may be under way.
  void captured_after(Duration took) { computed_ = std::max(computed_, took); }
  Duration value() const;
  /// How long a site that has gone is expected back before the others do its work: two median times
  /// between syncs, and as long as a process needs to start again.
  Duration absence() const;

 private:
  RecentDurations lateness_;
  RecentDurations gaps_;
  Duration computed_{};  ///< the longest
};

/// The ledger of tokens as the decisions make it, and how the rest of the budget is shared out when
/// the end is in sight. Equal decisions in equal order make equal ledgers at all sites.
///
/// A site knows where to stop before it gets there, so the sum is right to a step. Where a site
/// goes, the others take over what it had left; should it come back with work that nobody had
/// heard of (no more than it does between two captures), that counts too, beyond the budget.
class Budget {
 public:
  struct Config {
    std::uint64_t tokens = 0;           ///< over all sites together
    std::uint64_t tokens_per_step = 1;  ///< of one site: it stops at whole steps
    std::uint32_t fragments = 1;
    std::uint32_t period = 1;  ///< steps of a site between two captures of the same fragment
    std::vector<std::uint64_t> site_steps{};  ///< tokens of a step of each site, where they differ

    std::uint64_t step_of(SiteId site) const {
      return site_steps.empty() ? tokens_per_step : site_steps[site.value];
    }
  };
  explicit Budget(Config config) : config_{config} {}

  /// A decision that was chosen, in order. Returns what counts of it: a member whose range does not
  /// begin where the last merged one ended is left out, at all sites alike.
  Decision chosen(SyncId sync, Decision decision);

  /// What the leader knows when it proposes.
  struct Outlook {
    std::map<SiteId, std::uint64_t> positions;  ///< that each site was heard to have reached
    std::set<SiteId> expected;                  ///< sites that will go on computing
  };
  /// The stops that the next decision shall carry; empty while the end is far.
  std::vector<StopAt> stops(const Outlook& outlook) const;
  /// Those that the last decision carried.
  const std::vector<StopAt>& stops() const { return stops_; }

  /// True if nothing of that site is missing in the fragment of `sync`: it stopped, and all it did
  /// is merged.
  bool at_stop(SyncId sync, SiteId site) const;
  /// True if that holds for all fragments of all these sites.
  bool complete(const std::set<SiteId>& sites) const;

  /// The end of the range that was last merged into the fragment of `sync` for that site; 0 before
  /// the first.
  std::uint64_t merged_end(SyncId sync, SiteId site) const;
  /// Where a site stops; none while the end is far.
  std::optional<std::uint64_t> stop_of(SiteId site) const;
  /// Tokens merged so far into the fragment that has most.
  std::uint64_t merged() const;
  /// Sites of which anything was merged.
  std::set<SiteId> contributors() const;

 private:
  std::uint64_t farthest(SiteId site) const;
  void share(std::uint64_t left, const std::set<SiteId>& sites,
             std::map<SiteId, std::uint64_t>& stops) const;

  Config config_;
  std::vector<std::map<SiteId, std::uint64_t>> ends_ =
      std::vector<std::map<SiteId, std::uint64_t>>(config_.fragments);
  std::map<SiteId, std::uint64_t> pace_;  ///< tokens of the last contribution of each site
  std::vector<StopAt> stops_;
};

}  // namespace axs::train
