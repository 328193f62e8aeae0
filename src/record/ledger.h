#pragma once

#include <map>
#include <string>
#include <vector>

#include "axs/record/history.h"

namespace axs::record {

/// One range of a site's data shard and the one sync that merged it into one fragment.
struct LedgerRow {
  std::uint64_t sync{};
  std::uint32_t fragment{};
  catalog::MergedRange range;
  std::uint32_t merged_at{};  ///< how many sites noted it, all with the same hash
};

/// What became of every token of a run.
struct Ledger {
  std::vector<LedgerRow> rows;  ///< by sync, then as merged
  std::uint64_t tokens{};       ///< merged, in the fragment that has most
  std::uint64_t budget{};
  std::uint64_t syncs{};
  std::uint32_t sites{};
  std::uint64_t kills{};                ///< workers lost and agents started again
  std::uint64_t repeats{};              ///< the same sync again, after a kill
  bool finished = false;                ///< every site has merged the last sync
  std::vector<std::string> violations;  ///< one plain sentence each; empty: the ledger holds

  bool holds() const { return violations.empty(); }
};

/// Reconciles the tokens of a run. It holds if
/// - all sites, in all their lives, merged the same ranges at the same sync and came to the same
///   parameters;
/// - no site left a sync out: what a kill kept it from noting, it noted when it came back;
/// - in each fragment, the ranges of each site follow each other from 0 without hole or overlap,
///   so that every token counts once;
/// - once finished: all fragments hold the same tokens, and they are the budget, to a step per
///   site; a kill may add what a site does in two rounds.
Ledger reconcile(const History& history);

}  // namespace axs::record
