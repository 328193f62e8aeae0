#include "axs/train/site_sync.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <functional>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::train;

namespace {

constexpr std::uint64_t tokens_per_step = 256;
constexpr std::uint32_t fragments = 2;
constexpr std::uint32_t period = 20;

/// A worker as the contract of SiteSync describes it: steps, captures, applies, saves; no tensors.
struct FakeWorker {
  std::uint64_t position = 0;
  std::uint64_t captured_at = 0;  ///< position at the last capture of any fragment
  std::vector<std::uint64_t> merged = std::vector<std::uint64_t>(fragments);
  SyncId applied;
  std::map<SyncId, Contribution> pending;
  std::optional<SiteSync::Capture> order;
  std::optional<std::uint64_t> stop;
};

/// Sites, each with its policy, its worker and its disk, over links of 75 ms, in virtual time.
class World {
 public:
  World(std::uint32_t sites, std::uint64_t budget) : budget_{budget}, sites_(sites) {
    for (std::uint32_t i = 0; i < sites; ++i) start(i);
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
    bool finished = false;
  };
  std::vector<Site>& sites() { return sites_; }
  std::size_t finished() const { return finished_; }
  Instant now() const { return now_; }
  Duration longest_gap() const { return longest_gap_; }

 private:
  void start(std::uint32_t i) {
    Site& site = sites_[i];
    site.policy.emplace(SiteSync::Config{.self = SiteId{i},
                                         .sites = static_cast<std::uint32_t>(sites_.size()),
                                         .budget = {budget_, tokens_per_step, fragments, period},
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
    } else if (!due && w.order && !stopped) {
      w.position += tokens_per_step;
    } else {
      pause = milliseconds(1);
    }
    at(now_ + pause, [this, i, life] { run_worker(i, life); });
  }
  static bool blocked(const FakeWorker& w, SyncId sync) {
    for (const auto& [q, c] : w.pending)
      if (fragment_of(q, fragments) == fragment_of(sync, fragments)) return true;
    return false;
  }
  void capture(std::uint32_t i) {
    Site& site = sites_[i];
    FakeWorker& w = site.worker;
    const SyncId sync = w.order->sync;
    Contribution c{SiteId{i}, {w.merged[fragment_of(sync, fragments)], w.position}, {}, 1000};
    c.content = sha256(to_wire(std::pair{sync, c}));
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
  void perform(std::uint32_t i, const SiteSync::Apply& a) {
    Site& site = sites_[i];
    FakeWorker& w = site.worker;
    RC_ASSERT(w.applied == a.sync);
    const std::uint32_t fragment = fragment_of(a.sync, fragments);
    for (const Contribution& member : a.decision.members) {
      RC_ASSERT(site.store.contains(member.content));
      if (member.site != SiteId{i}) continue;
      RC_ASSERT(member.tokens.begin == w.merged[fragment]);
      RC_ASSERT(w.pending.at(a.sync) == member);
      w.merged[fragment] = member.tokens.end;
    }
    w.pending.erase(a.sync);
    w.applied = next(a.sync);
    if (a.stop) w.stop = a.stop;
    if (site.applied.size() == a.sync.value) {
      site.applied.push_back(a.decision);
      if (i == 0 && applied_at_ != Instant{})
        longest_gap_ = std::max(longest_gap_, now_ - applied_at_);
      if (i == 0) applied_at_ = now_;
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
    at(now_ + milliseconds(75), [this, i, to, session, own, a] {
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
  void perform(std::uint32_t, const SiteSync::Diverged&) { RC_FAIL("diverged"); }
  void perform(std::uint32_t, const SiteSync::Refused&) { RC_FAIL("refused an honest site"); }
  void perform(std::uint32_t i, const SiteSync::Finished&) {
    if (!sites_[i].finished) ++finished_;
    sites_[i].finished = true;
  }

  std::uint64_t budget_;
  std::vector<Site> sites_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> due_;
  std::uint64_t sequence_ = 0;
  std::size_t finished_ = 0;
  Instant now_, applied_at_;
  Duration longest_gap_;
};

/// Every token of every site once: per fragment the ranges of a site follow each other without hole
/// or overlap.
std::uint64_t tokens_of(const World::Site& site) {
  std::vector<std::map<SiteId, std::uint64_t>> ends(fragments);
  for (std::size_t q = 0; q < site.applied.size(); ++q)
    for (const Contribution& member : site.applied[q].members) {
      auto& end = ends[q % fragments][member.site];
      RC_ASSERT(member.tokens.begin == end);
      end = member.tokens.end;
    }
  std::uint64_t sum = 0;
  for (const auto& [id, end] : ends[0]) {
    sum += end;
    RC_ASSERT(ends[1][id] == end);
  }
  return sum;
}

constexpr std::uint64_t budget = 3 * 500 * tokens_per_step;

}  // namespace

TEST_CASE("site sync: three equal sites train their budget to the token") {
  World world{3, budget};
  world.run({seconds(60).ns});
  REQUIRE(world.finished() == 3);
  CHECK(tokens_of(world.sites()[0]) == budget);
  CHECK(world.sites()[1].applied == world.sites()[0].applied);
  CHECK(world.sites()[2].applied == world.sites()[0].applied);
  // 500 steps of 40 ms; overlap hides all but the start and the last exchange.
  CHECK(world.now().ns < seconds(22).ns);
}

TEST_CASE("site sync: a site three times slower is waited for by nobody") {
  World world{3, budget};
  world.sites()[2].step_time = milliseconds(120);
  world.run({seconds(60).ns});
  REQUIRE(world.finished() == 3);
  CHECK(tokens_of(world.sites()[0]) == budget);
  // Speeds 1 + 1 + 1/3 share 1,500 steps: 643 of 40 ms at the best.
  CHECK(world.now().ns < seconds(28).ns);
  CHECK(world.longest_gap() < milliseconds(2 * 10 * 40));
}

TEST_CASE("site sync: one site alone") {
  World world{1, 300 * tokens_per_step};
  world.run({seconds(60).ns});
  REQUIRE(world.finished() == 1);
  CHECK(tokens_of(world.sites()[0]) == 300 * tokens_per_step);
}

TEST_CASE("site sync: killed workers and sites cost no token and no sync") {
  CHECK(rc::check([](std::uint64_t seed) {
    World world{3, budget};
    Rng rng{seed};
    for (auto& site : world.sites())
      site.step_time = milliseconds(20 + static_cast<std::int64_t>(rng.below(60)));
    for (int k = 0; k < 4; ++k) {
      const Instant when{
          milliseconds(2500 + 1800 * k + static_cast<std::int64_t>(rng.below(1200))).ns};
      const auto site = static_cast<std::uint32_t>(rng.below(3));
      const Duration down = milliseconds(300 + static_cast<std::int64_t>(rng.below(900)));
      if (rng.chance(0.5))
        world.at(when, [&world, site, down] { world.kill_worker(site, down); });
      else
        world.at(when, [&world, site, down] { world.kill_site(site, down); });
    }
    world.run({seconds(120).ns});
    RC_ASSERT(world.finished() == 3u);
    for (std::size_t i = 1; i < 3; ++i)
      RC_ASSERT(world.sites()[i].applied == world.sites()[0].applied);
    (void)tokens_of(world.sites()[0]);
  }));
}

TEST_CASE("site sync: everything killed at once goes on where it was") {
  CHECK(rc::check([](std::uint64_t seed) {
    World world{3, budget};
    const Instant when{milliseconds(1500 + static_cast<std::int64_t>(Rng{seed}.below(3000))).ns};
    world.at(when, [&world] {
      for (std::uint32_t i = 0; i < 3; ++i) world.kill_site(i, milliseconds(600 + 50 * i));
    });
    world.run({seconds(120).ns});
    RC_ASSERT(world.finished() == 3u);
    RC_ASSERT(tokens_of(world.sites()[0]) == budget);
  }));
}
