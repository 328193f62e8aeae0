#pragma once

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <functional>

#include "axs/core/rng.h"
#include "axs/train/site_sync.h"

/// For tests: sites with their policies, workers and disks in virtual time.
namespace axs::train::testing {

inline constexpr std::uint64_t tokens_per_step = 256;

/// What is trained, over how many sites.
struct Job {
  std::uint32_t sites = 3;
  std::uint64_t steps = 500;  ///< of each site
  std::uint32_t fragments = 2;
  std::uint32_t period = 20;
  std::optional<std::uint32_t> overlap{};  ///< steps, as catalog::OuterRule has it
  Duration sending = {};  ///< what the bytes of a contribution take longer than a message
  constexpr std::uint64_t tokens() const { return sites * steps * tokens_per_step; }
};

/// A worker as the contract of SiteSync describes it: steps, captures, applies, saves; no tensors.
struct FakeWorker {
  std::uint64_t position = 0;
  std::uint64_t captured_at = 0;  ///< position at the last capture of any fragment
  std::vector<std::uint64_t> merged{};
  SyncId applied;
  std::map<SyncId, Contribution> pending;
  std::optional<SiteSync::Capture> order;
  std::optional<std::uint64_t> stop;
};

/// Sites, each with its policy, its worker and its disk, over links of 75 ms, in virtual time.
class World {
 public:
  explicit World(Job job = {}) : job_{job}, sites_(job.sites) {
    for (Site& site : sites_) site.worker.merged.resize(job.fragments);
    for (Site& site : sites_) site.saved = site.worker;
    for (std::uint32_t i = 0; i < job.sites; ++i) start(i);
  }

  void at(Instant when, std::function<void()> run) {
    due_.emplace(std::pair{when, sequence_++}, run);
  }
  void run(Instant end) {
    while (!due_.empty() && due_.begin()->first.first <= end && finished_ < sites_.size()) {
      auto event = due_.extract(due_.begin());
      now_ = event.key().first;
      event.mapped()();
    }
  }
  void kill_worker(std::uint32_t i, Duration down) {
    ++sites_[i].life;
    step(i, SiteSync::WorkerLost{});
    at(now_ + down, [this, i] { start_worker(i); });
  }
  void kill_site(std::uint32_t i, Duration down) {
    Site& site = sites_[i];
    ++site.life;
    ++site.session;
    site.policy.reset();
    site.unsynced.clear();
    for (std::uint32_t other = 0; other < sites_.size(); ++other)
      if (other != i && sites_[other].policy)
        at(now_ + milliseconds(400),
           [this, i, other] { step(other, SiteSync::PeerDown{SiteId{i}}); });
    at(now_ + down, [this, i] { start(i); });
  }

  /// That site takes a peer for dead, which notices nothing of it.
  void miss(std::uint32_t i, std::uint32_t peer, Duration down) {
    step(i, SiteSync::PeerDown{SiteId{peer}});
    at(now_ + down, [this, i, peer] { step(i, SiteSync::PeerUp{SiteId{peer}}); });
  }

  struct Site {
    std::optional<SiteSync> policy;
    FakeWorker worker;  ///< its live state
    FakeWorker saved;   ///< its saved state
    std::vector<AgreementRecord> disk;
    std::vector<std::pair<std::uint64_t, AgreementRecord>> unsynced;
    std::set<Hash256> store;
    std::uint32_t life = 0;     ///< of the worker: events of an earlier one are void
    std::uint32_t session = 0;  ///< of the agent
    Duration step_time = milliseconds(40);
    std::vector<Decision> applied;
    std::map<SyncId, std::vector<Contribution>> foreseen;  ///< by the agent that is
    Instant applied_at;
    Duration longest_gap;   ///< between two syncs
    std::size_t needs = 0;  ///< contributions that it asked for
    bool finished = false;
  };
  /// A message out of the ordinary; its bytes, if it needs any, are there.
  void say(SiteId from, std::uint32_t to, const SyncMessage& message) {
    if (const auto* offer = std::get_if<Offer>(&message))
      sites_[to].store.insert(offer->contribution.content);
    honest_ = false;
    step(to, SiteSync::Received{from, message});
  }

  std::vector<Site>& sites() { return sites_; }
  const std::vector<Site>& sites() const { return sites_; }
  const Job& job() const { return job_; }
  std::size_t finished() const { return finished_; }
  Instant now() const { return now_; }
  /// When the last site that did so finished.
  Instant finished_at() const { return finished_at_; }

 private:
  void start(std::uint32_t i) {
    Site& site = sites_[i];
    site.foreseen.clear();
    site.policy.emplace(
        SiteSync::Config{.self = SiteId{i},
                         .sites = static_cast<std::uint32_t>(sites_.size()),
                         .budget = {job_.tokens(), tokens_per_step, job_.fragments, job_.period},
                         .records = site.disk,
                         .stored = {site.store.begin(), site.store.end()}},
        now_);
    wake(i);
    for (std::uint32_t other = 0; other < sites_.size(); ++other) {
      if (other == i || !sites_[other].policy) continue;
      at(now_ + milliseconds(300), [this, i, other] {
        step(other, SiteSync::PeerUp{SiteId{i}});
        step(i, SiteSync::PeerUp{SiteId{other}});
      });
    }
    at(now_ + milliseconds(500), [this, i] { start_worker(i); });
  }
  void start_worker(std::uint32_t i) {
    Site& site = sites_[i];
    if (!site.policy) return;
    site.worker = site.saved;
    site.worker.order.reset();
    SiteSync::WorkerReady ready{site.worker.applied, {}};
    for (const auto& [sync, c] : site.worker.pending)
      ready.pending.push_back({sync, c, site.saved.applied});
    step(i, ready);
    run_worker(i, site.life);
  }

  /// One step of computing, and the capture when it is due.
  void run_worker(std::uint32_t i, std::uint32_t life) {
    Site& site = sites_[i];
    if (site.life != life || !site.policy) return;
    FakeWorker& w = site.worker;
    Duration pause = site.step_time;
    const bool stopped = w.stop && w.position >= *w.stop;
    const bool due =
        w.order && (w.position - w.captured_at >= w.order->steps * tokens_per_step || stopped);
    if (due && !w.pending.contains(w.order->sync) && !blocked(w, w.order->sync)) {
      capture(i);
      pause = milliseconds(2);
    } else if (!due && w.order && !stopped && !awaits_merge(w)) {
      w.position += tokens_per_step;
    } else {
      pause = milliseconds(1);
    }
    at(now_ + pause, [this, i, life] { run_worker(i, life); });
  }
  bool blocked(const FakeWorker& w, SyncId sync) const {
    for (const auto& [q, c] : w.pending)
      if (fragment_of(q, job_.fragments) == fragment_of(sync, job_.fragments)) return true;
    return false;
  }
  bool awaits_merge(const FakeWorker& w) const {
    return job_.overlap && std::ranges::any_of(w.pending, [&](const auto& pending) {
             return w.position - pending.second.tokens.end >= *job_.overlap * tokens_per_step;
           });
  }
  void capture(std::uint32_t i) {
    Site& site = sites_[i];
    FakeWorker& w = site.worker;
    const SyncId sync = w.order->sync;
    Contribution c{SiteId{i}, {w.merged[fragment_of(sync, job_.fragments)], w.position}, {}, 1000};
    // The same tokens once more are the same bytes.
    c.content = sha256(to_wire(std::pair{fragment_of(sync, job_.fragments), c}));
    w.pending[sync] = c;
    w.captured_at = w.position;
    w.order.reset();
    site.store.insert(c.content);
    site.saved = w;
    step(i, SiteSync::Captured{sync, c, w.applied});
  }

  void step(std::uint32_t i, const SiteSync::Event& event) {
    Site& site = sites_[i];
    if (!site.policy) return;
    std::vector<SiteSync::Action> actions;
    site.policy->step(now_, event, actions);
    for (const auto& action : actions) std::visit([&](const auto& a) { perform(i, a); }, action);
    wake(i);
  }
  void wake(std::uint32_t i) {
    const auto when = sites_[i].policy->wakeup();
    const std::uint32_t session = sites_[i].session;
    if (when)
      at(std::max(*when, now_), [this, i, session, when] {
        Site& site = sites_[i];
        if (site.session == session && site.policy && site.policy->wakeup() == when)
          step(i, Wakeup{});
      });
  }
  void perform(std::uint32_t i, const SiteSync::Capture& a) { sites_[i].worker.order = a; }
  void perform(std::uint32_t i, const SiteSync::Foresee& a) {
    Site& site = sites_[i];
    RC_ASSERT(a.sync >= site.worker.applied);  // It is not merged yet.
    for (const Contribution& member : a.members) RC_ASSERT(site.store.contains(member.content));
    RC_ASSERT(site.foreseen.emplace(a.sync, a.members).second);
  }
  void perform(std::uint32_t i, const SiteSync::Apply& a) {
    Site& site = sites_[i];
    FakeWorker& w = site.worker;
    RC_ASSERT(w.applied == a.sync);
    const std::uint32_t fragment = fragment_of(a.sync, job_.fragments);
    for (const Contribution& member : a.decision.members) {
      RC_ASSERT(site.store.contains(member.content));
      if (member.site != SiteId{i}) continue;
      RC_ASSERT(member.tokens.begin == w.merged[fragment]);
      const auto pending = w.pending.find(a.sync);
      RC_ASSERT(!honest_ || (pending != w.pending.end() && pending->second == member));
      w.merged[fragment] = member.tokens.end;
    }
    w.pending.erase(a.sync);
    w.applied = next(a.sync);
    if (a.stop) w.stop = a.stop;
    if (site.applied.size() == a.sync.value) {
      site.applied.push_back(a.decision);
      if (site.applied_at != Instant{})
        site.longest_gap = std::max(site.longest_gap, now_ - site.applied_at);
      site.applied_at = now_;
    }
    const std::uint32_t life = site.life;
    const Hash256 hash = sha256(to_wire(a.decision));
    at(now_ + milliseconds(2), [this, i, life, sync = a.sync, hash] {
      if (sites_[i].life == life) step(i, SiteSync::Applied{sync, hash});
    });
  }
  void perform(std::uint32_t i, const SiteSync::Send& a) {
    const std::uint32_t to = a.to.value, session = sites_[to].session, own = sites_[i].session;
    if (a.attached && !sites_[i].store.contains(*a.attached)) return;
    sites_[i].needs += std::holds_alternative<Need>(a.message);
    const Duration longer = a.attached ? job_.sending : Duration{};
    at(now_ + milliseconds(75) + longer, [this, i, to, session, own, a] {
      Site& site = sites_[to];
      if (site.session != session || sites_[i].session != own) return;
      if (a.attached) site.store.insert(*a.attached);
      step(to, SiteSync::Received{SiteId{i}, a.message});
    });
  }
  void perform(std::uint32_t i, const SiteSync::Persist& a) {
    Site& site = sites_[i];
    site.unsynced.emplace_back(a.sequence, a.record);
    const std::uint32_t session = site.session;
    at(now_ + milliseconds(3), [this, i, session, upto = a.sequence] {
      Site& s = sites_[i];
      if (s.session != session) return;
      std::erase_if(s.unsynced, [&](auto& record) {
        if (record.first <= upto) s.disk.push_back(record.second);
        return record.first <= upto;
      });
      step(i, SiteSync::Persisted{upto});
    });
  }
  void perform(std::uint32_t i, const SiteSync::Forget& a) { sites_[i].store.erase(a.content); }
  void perform(std::uint32_t, const SiteSync::Closed&) {}
  void perform(std::uint32_t, const SiteSync::Diverged&) { RC_ASSERT(!honest_); }
  void perform(std::uint32_t, const SiteSync::Refused&) { RC_ASSERT(!honest_); }
  void perform(std::uint32_t i, const SiteSync::Finished&) {
    if (!sites_[i].finished) ++finished_;
    sites_[i].finished = true;
    finished_at_ = now_;
  }

  Job job_;
  std::vector<Site> sites_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> due_;
  std::uint64_t sequence_ = 0;
  std::size_t finished_ = 0;
  bool honest_ = true;  ///< nothing was said that should not have been
  Instant now_, finished_at_;
};

/// What was merged, per fragment. Every token once: the ranges of a site follow each other without
/// hole or overlap.
inline std::vector<std::uint64_t> tokens_merged(const World& world, std::uint32_t at = 0) {
  const Job& job = world.job();
  std::vector<std::map<SiteId, std::uint64_t>> ends(job.fragments);
  std::vector<std::uint64_t> sums(job.fragments);
  const auto& applied = world.sites()[at].applied;
  for (std::size_t q = 0; q < applied.size(); ++q)
    for (const Contribution& member : applied[q].members) {
      auto& end = ends[q % job.fragments][member.site];
      RC_ASSERT(member.tokens.begin == end);
      end = member.tokens.end;
      sums[q % job.fragments] += member.tokens.count();
    }
  return sums;
}

/// All sites that are there have applied the same decisions, and all fragments the whole budget, to
/// the token.
inline bool exactly_the_budget(const World& world) {
  const auto sums = tokens_merged(world);
  return std::all_of(sums.begin(), sums.end(),
                     [&](std::uint64_t sum) { return sum == world.job().tokens(); });
}

}  // namespace axs::train::testing
