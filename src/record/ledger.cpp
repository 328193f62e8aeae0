#include "axs/record/ledger.h"

#include <algorithm>
#include <optional>
#include <set>

namespace axs::record {
namespace {

using catalog::MergedRange;

bool same(const MergedRange& a, const MergedRange& b) {
  return a.site == b.site && a.begin == b.begin && a.end == b.end;
}

/// More than any model has layers.
constexpr std::uint32_t fragments_most = 1 << 16;

std::string text(std::uint64_t number) {
  return std::to_string(number);
}

std::string tokens_of(std::uint64_t begin, std::uint64_t end, const std::string& site) {
  return "tokens " + text(begin) + " to " + text(end) + " of " + site + "'s shard";
}

/// What one sync did, by the site that noted it first.
struct Sync {
  std::string first;
  catalog::SyncApplied fact;
  std::set<std::string> sites;
};

/// What one site is known to have merged.
struct SiteBook {
  std::uint64_t steps = 0;
  std::uint64_t position = 0;
  std::optional<std::uint64_t> counted;  ///< by the site itself, once finished
  std::uint32_t starts = 0;
};

class Reconciler {
 public:
  Ledger run(const History& history) {
    for (const Entry& entry : history.entries)
      std::visit([&](const auto& fact) { see(entry.site, fact); }, entry.fact);
    check_start();
    for (const auto& [number, sync] : syncs_) check_sites(number, sync);
    check_gaps();
    if (fragments_ > 0) check_ranges();
    ledger_.syncs = syncs_.empty() ? 0 : syncs_.rbegin()->first + 1;
    ledger_.sites = static_cast<std::uint32_t>(std::max(expected_sites_, sites_.size()));
    ledger_.finished = !sites_.empty() && sites_.size() >= expected_sites_ &&
                       std::ranges::all_of(sites_, [](const auto& site) {
                         return site.second.counted.has_value();
                       });
    if (ledger_.finished && fragments_ > 0) check_end();
    return std::move(ledger_);
  }

 private:
  template <class Fact>
  void see(const std::string&, const Fact&) {}
  void see(const std::string&, const catalog::RunStarted& fact) {
    ledger_.budget = fact.tokens;
    fragments_ = fact.fragments;
    expected_sites_ = fact.sites.size();
  }
  void see(const std::string& site, const catalog::SiteStarted&) {
    if (++sites_[site].starts > 1) ++ledger_.kills;
  }
  void see(const std::string&, const catalog::WorkerLost&) { ++ledger_.kills; }
  void see(const std::string& site, const catalog::Progress& fact) {
    sites_[site].steps = std::max(sites_[site].steps, fact.steps);
    sites_[site].position = std::max(sites_[site].position, fact.tokens);
  }
  void see(const std::string& site, const catalog::SiteFinished& fact) {
    sites_[site].counted = fact.tokens;
  }
  void see(const std::string& site, const catalog::Diverged& fact) {
    violation("sync " + text(fact.sync) + ": " + site + " found its parameters to differ from " +
              fact.other + "'s");
  }
  void see(const std::string& site, const catalog::SyncApplied& fact) {
    sites_[site];
    const auto [found, added] = syncs_.emplace(fact.sync, Sync{site, fact, {site}});
    if (added) return;
    Sync& sync = found->second;
    if (!sync.sites.insert(site).second) ++ledger_.repeats;
    const std::string who = site == sync.first ? site + ", in another life," : site;
    if (!std::ranges::equal(sync.fact.members, fact.members, same))
      violation("sync " + text(fact.sync) + ": " + who + " merged other ranges than " + sync.first);
    if (sync.fact.hash != fact.hash)
      violation("sync " + text(fact.sync) + ": " + who + " came to other parameters than " +
                sync.first);
  }

  void check_start() {
    if (fragments_ > 0 && fragments_ <= fragments_most) return;
    fragments_ = 0;
    violation(
        "nothing says into how many fragments the model was cut, so ranges cannot be "
        "followed: the fact RunStarted is missing or of an earlier version");
  }

  /// A site that went on beyond a sync has merged it, and has said so before.
  void check_sites(std::uint64_t number, const Sync& sync) {
    for (const auto& [site, book] : sites_) {
      if (sync.sites.contains(site)) continue;
      if (went_beyond(site, number) || book.counted)
        violation("sync " + text(number) + ": " + site + " left it out");
    }
  }
  bool went_beyond(const std::string& site, std::uint64_t number) const {
    return std::any_of(syncs_.upper_bound(number), syncs_.end(),
                       [&](const auto& later) { return later.second.sites.contains(site); });
  }

  /// Whether a site that is behind may still note that sync.
  bool still_to_come(std::uint64_t number) const {
    return std::ranges::any_of(sites_, [&](const auto& site) {
      return !site.second.counted && !went_beyond(site.first, number);
    });
  }

  /// Syncs that no site noted, below one that some site did. What follows one that is still to come
  /// cannot be judged yet.
  void check_gaps() {
    std::uint64_t expected = 0;
    for (const auto& [number, sync] : syncs_) {
      if (number > expected) {
        if (still_to_come(expected)) return;
        violation((number - expected == 1 ? "sync " + text(expected)
                                          : "syncs " + text(expected) + " to " + text(number - 1)) +
                  ": no site noted it");
      }
      judged_ = expected = number + 1;
    }
  }

  void check_ranges() {
    ends_.resize(fragments_);
    for (const auto& [number, sync] : syncs_) {
      if (number >= judged_) break;
      const auto fragment = static_cast<std::uint32_t>(number % fragments_);
      for (const MergedRange& range : sync.fact.members) {
        follow(number, fragment, range);
        longest_ = std::max(longest_, range.end - std::min(range.begin, range.end));
        ledger_.rows.push_back(
            {number, fragment, range, static_cast<std::uint32_t>(sync.sites.size())});
      }
    }
    for (const auto& ends : ends_) {
      std::uint64_t sum = 0;
      for (const auto& [site, end] : ends) sum += end;
      ledger_.tokens = std::max(ledger_.tokens, sum);
    }
  }

  void follow(std::uint64_t number, std::uint32_t fragment, const MergedRange& range) {
    std::uint64_t& end = ends_[fragment][range.site];
    const std::string where = "sync " + text(number) + ", fragment " + text(fragment) + ": ";
    if (range.end < range.begin)
      violation(where + tokens_of(range.begin, range.end, range.site) + " is no range");
    else if (range.begin > end)
      violation(where + tokens_of(end, range.begin, range.site) + " were never merged");
    else if (range.begin < end && range.begin < range.end)
      violation(where + tokens_of(range.begin, std::min(end, range.end), range.site) +
                " were merged twice");
    end = std::max(end, range.end);
  }

  void check_end() {
    std::uint64_t slack = 0;
    for (const auto& [site, book] : sites_) {
      check_fragments(site);
      if (*book.counted != ledger_.tokens)
        violation(site + " counted " + text(*book.counted) + " merged tokens, its record holds " +
                  text(ledger_.tokens));
      if (book.steps > 0) slack += book.position / book.steps;
    }
    // A site that was away when the rest was shared out may have computed two rounds more.
    const std::uint64_t more = slack + 2 * ledger_.kills * longest_;
    const bool below = ledger_.tokens < ledger_.budget && ledger_.budget - ledger_.tokens > slack;
    const bool above = ledger_.tokens > ledger_.budget && ledger_.tokens - ledger_.budget > more;
    if (slack > 0 && (below || above))
      violation(text(ledger_.tokens) + " tokens were merged, the budget is " +
                text(ledger_.budget) + " to within " + text(below ? slack : more));
  }
  void check_fragments(const std::string& site) {
    std::uint64_t most = 0;
    for (auto& ends : ends_) most = std::max(most, ends[site]);
    for (std::size_t fragment = 0; fragment < ends_.size(); ++fragment)
      if (ends_[fragment][site] < most)
        violation("fragment " + text(fragment) + ": " +
                  tokens_of(ends_[fragment][site], most, site) + " were never merged");
  }

  void violation(std::string sentence) { ledger_.violations.push_back(std::move(sentence)); }

  Ledger ledger_;
  std::uint32_t fragments_ = 0;
  std::uint64_t longest_ = 0;  ///< of the ranges
  std::uint64_t judged_ = 0;   ///< the ranges of the syncs below can be followed
  std::size_t expected_sites_ = 0;
  std::map<std::string, SiteBook> sites_;
  std::map<std::uint64_t, Sync> syncs_;
  std::vector<std::map<std::string, std::uint64_t>> ends_;  ///< by fragment, then site
};

}  // namespace

Ledger reconcile(const History& history) {
  return Reconciler{}.run(history);
}

}  // namespace axs::record
