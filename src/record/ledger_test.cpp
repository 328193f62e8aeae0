#include "axs/record/ledger.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

#include "axs/core/rng.h"

namespace axs::record {
namespace {

using catalog::MergedRange;
using catalog::SyncApplied;

constexpr std::uint64_t step_tokens = 256;

/// What a run that keeps all its promises would note, kills included: the oracle of these tests.
struct Story {
  std::uint32_t sites = 3;
  std::uint32_t fragments = 2;
  std::vector<SyncApplied> syncs;  ///< as decided, in order
  std::vector<Log> logs;           ///< the controller's, then one per site
};

std::string name(std::uint32_t site) {
  return "s" + std::to_string(site);
}

Hash256 hash_of(std::uint64_t number) {
  Hash256 hash{};
  for (std::size_t i = 0; i < 8; ++i) hash[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return hash;
}

/// Some sites are left out of some syncs, but not of the last of each fragment.
void decide(Story& story, Rng& rng) {
  std::vector<std::uint64_t> position(story.sites);
  std::vector<std::vector<std::uint64_t>> ends(story.fragments, position);
  const std::uint64_t count = story.fragments * (2 + rng.below(8));
  for (std::uint64_t q = 0; q < count; ++q) {
    const bool closing = q + story.fragments >= count;
    SyncApplied sync{q, {}, hash_of(q + 1)};
    for (std::uint32_t s = 0; s < story.sites; ++s) {
      if (!closing) position[s] += step_tokens * (1 + rng.below(5));
      if (!closing && rng.chance(0.2)) continue;
      std::uint64_t& end = ends[q % story.fragments][s];
      if (end == position[s]) continue;
      sync.members.push_back({name(s), end, position[s]});
      end = position[s];
    }
    story.syncs.push_back(sync);
  }
}

std::uint64_t tokens(const Story& story) {
  std::uint64_t sum = 0;
  for (const auto& sync : story.syncs)
    if (sync.sync % story.fragments == 0)
      for (const auto& member : sync.members) sum += member.end - member.begin;
  return sum;
}

/// A site's log: now and then its worker is killed and merges some syncs again, or its agent is,
/// before the line of the sync that it had just merged was written; then its next life writes it.
Log site_log(const Story& story, std::uint32_t site, Rng rng) {
  Log log;
  Instant at{static_cast<std::int64_t>(site) * 1'000'000'000};  // Its clock is its own.
  const auto note = [&](catalog::Fact fact) {
    at = at + milliseconds(10);
    log.push_back({{"run", name(site), at}, std::move(fact)});
  };
  note(catalog::SiteStarted{1, 100});
  std::uint32_t lives = 1;
  for (std::size_t q = 0; q < story.syncs.size(); ++q) {
    const bool torn = rng.chance(0.1);
    if (torn) {
      note(catalog::SiteStarted{++lives, 100});
      note(catalog::WorkerReady{q + 1, 0, 0, 0, {}});
    }
    note(story.syncs[q]);
    if (torn) continue;
    if (rng.chance(0.1)) {
      note(catalog::WorkerLost{"killed by signal 9"});
      const std::size_t again = q - std::min<std::size_t>(q, rng.below(3));
      note(catalog::WorkerReady{again, 0, 0, 0, {}});
      for (std::size_t r = again; r <= q; ++r) note(story.syncs[r]);
    }
  }
  note(catalog::Progress{1, step_tokens, 2, {}, {}});
  note(catalog::SiteFinished{tokens(story)});
  return log;
}

Story make_story(std::uint64_t seed) {
  Rng rng{seed};
  Story story;
  story.sites = 1 + static_cast<std::uint32_t>(rng.below(4));
  story.fragments = 1 + static_cast<std::uint32_t>(rng.below(3));
  decide(story, rng);
  catalog::RunStarted start;
  start.tokens = tokens(story);
  start.fragments = story.fragments;
  for (std::uint32_t s = 0; s < story.sites; ++s) start.sites.push_back(name(s));
  story.logs.push_back({{{"run", "", Instant{}}, start}});
  for (std::uint32_t s = 0; s < story.sites; ++s)
    story.logs.push_back(site_log(story, s, rng.fork(s)));
  return story;
}

/// Changes each note of one sync, at all sites.
template <class Change>
void change_sync(Story& story, std::uint64_t sync, const Change& change) {
  for (Log& log : story.logs)
    for (auto& noted : log)
      if (auto* fact = std::get_if<SyncApplied>(&noted.fact); fact != nullptr && fact->sync == sync)
        change(*fact);
}

/// A sync with members, chosen by `seed`.
const SyncApplied& some_sync(const Story& story, std::uint64_t seed) {
  std::vector<const SyncApplied*> with;
  for (const auto& sync : story.syncs)
    if (!sync.members.empty()) with.push_back(&sync);
  return *with[seed % with.size()];
}

std::size_t sites_that_noted(const Story& story, std::uint64_t sync) {
  std::set<std::string> sites;
  for (const Log& log : story.logs)
    for (const auto& noted : log)
      if (const auto* fact = std::get_if<SyncApplied>(&noted.fact);
          fact != nullptr && fact->sync == sync)
        sites.insert(noted.origin.site);
  return sites.size();
}

bool says(const Ledger& ledger, const std::string& words) {
  return std::ranges::any_of(ledger.violations, [&](const std::string& sentence) {
    return sentence.find(words) != std::string::npos;
  });
}

TEST_CASE("the ledger of a run with kills holds") {
  CHECK(rc::check([](std::uint64_t seed) {
    const Story story = make_story(seed);
    const Ledger ledger = reconcile(merge(story.logs));
    RC_ASSERT(ledger.violations == std::vector<std::string>{});
    RC_ASSERT(ledger.finished);
    RC_ASSERT(ledger.tokens == tokens(story));
    RC_ASSERT(ledger.budget == tokens(story));
    RC_ASSERT(ledger.syncs == story.syncs.size());
    std::size_t ranges = 0;
    for (const auto& sync : story.syncs) ranges += sync.members.size();
    RC_ASSERT(ledger.rows.size() == ranges);
  }));
}

TEST_CASE("tokens that were left out are found") {
  CHECK(rc::check([](std::uint64_t seed, std::uint64_t pick) {
    Story story = make_story(seed);
    const SyncApplied sync = some_sync(story, pick);
    const MergedRange& victim = sync.members[pick % sync.members.size()];
    change_sync(story, sync.sync, [&](SyncApplied& fact) {
      for (auto& member : fact.members)
        if (member.site == victim.site) member.begin += step_tokens / 2;
    });
    const Ledger ledger = reconcile(merge(story.logs));
    RC_ASSERT(says(ledger, "tokens " + std::to_string(victim.begin) + " to " +
                               std::to_string(victim.begin + step_tokens / 2) + " of " +
                               victim.site + "'s shard were never merged"));
  }));
}

TEST_CASE("tokens that were merged twice are found") {
  CHECK(rc::check([](std::uint64_t seed, std::uint64_t pick) {
    Story story = make_story(seed);
    const SyncApplied sync = some_sync(story, pick);
    const MergedRange& victim = sync.members[pick % sync.members.size()];
    RC_PRE(victim.begin > 0);
    change_sync(story, sync.sync, [&](SyncApplied& fact) {
      for (auto& member : fact.members)
        if (member.site == victim.site) member.begin -= 1;
    });
    RC_ASSERT(says(reconcile(merge(story.logs)), "tokens " + std::to_string(victim.begin - 1) +
                                                     " to " + std::to_string(victim.begin) +
                                                     " of " + victim.site +
                                                     "'s shard were merged twice"));
  }));
}

TEST_CASE("a whole range that comes again in another sync is found") {
  CHECK(rc::check([](std::uint64_t seed, std::uint64_t pick) {
    Story story = make_story(seed);
    const SyncApplied sync = some_sync(story, pick);
    const std::uint64_t later = sync.sync + story.fragments;
    RC_PRE(later < story.syncs.size());
    change_sync(story, later, [&](SyncApplied& fact) {
      fact.members.insert(fact.members.begin(), sync.members.front());
    });
    RC_ASSERT(says(reconcile(merge(story.logs)), "were merged twice"));
  }));
}

TEST_CASE("one site that merged otherwise is named") {
  CHECK(rc::check([](std::uint64_t seed, std::uint64_t pick) {
    Story story = make_story(seed);
    RC_PRE(story.sites > 1);
    const SyncApplied sync = some_sync(story, pick);
    RC_PRE(sites_that_noted(story, sync.sync) == story.sites);
    for (auto& noted : story.logs[1 + pick % story.sites])
      if (auto* fact = std::get_if<SyncApplied>(&noted.fact);
          fact != nullptr && fact->sync == sync.sync)
        fact->hash[31] ^= 1;
    RC_ASSERT(says(reconcile(merge(story.logs)), "came to other parameters than"));
  }));
}

TEST_CASE("a site that left a sync out is named, even if its state is known to hold it") {
  Story story = make_story(2);
  REQUIRE(story.sites > 1);
  std::erase_if(story.logs[1], [](const catalog::Noted& noted) {
    const auto* fact = std::get_if<SyncApplied>(&noted.fact);
    return fact != nullptr && fact->sync == 1;
  });
  CHECK(says(reconcile(merge(story.logs)), "sync 1: s0 left it out"));
  catalog::WorkerReady ready;
  ready.applied = 2;
  story.logs[1].push_back({{"run", "s0", Instant{}}, ready});
  CHECK(says(reconcile(merge(story.logs)), "sync 1: s0 left it out"));
}

TEST_CASE("tokens beyond the budget, or a site that counted otherwise, are found") {
  Story story = make_story(5);
  std::get<catalog::RunStarted>(story.logs[0][0].fact).tokens += 100 * step_tokens;
  for (auto& noted : story.logs[1])
    if (auto* fact = std::get_if<catalog::SiteFinished>(&noted.fact)) fact->tokens += 1;
  const Ledger ledger = reconcile(merge(story.logs));
  CHECK(says(ledger, "tokens were merged, the budget is"));
  CHECK(says(ledger, "s0 counted"));
}

TEST_CASE("a run that has not ended is no violation") {
  CHECK(rc::check([](std::uint64_t seed, std::uint64_t cut) {
    Story story = make_story(seed);
    Log& log = story.logs[1];
    log.resize(1 + cut % (log.size() - 1));
    const Ledger ledger = reconcile(merge(story.logs));
    RC_ASSERT(!ledger.finished);
    RC_ASSERT(ledger.violations == std::vector<std::string>{});
  }));
}

TEST_CASE("without its beginning a record proves nothing") {
  Story story = make_story(1);
  story.logs[0].clear();
  CHECK(says(reconcile(merge(story.logs)), "RunStarted is missing"));
  CHECK_FALSE(reconcile(History{}).holds());
}

}  // namespace
}  // namespace axs::record
