#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <set>

#include "axs/core/rng.h"
#include "axs/learn/worker.h"
#include "axs/learn/worker_testing.h"

using namespace axs;
using namespace axs::learn;
using namespace axs::train;

namespace {

constexpr std::uint32_t sites_count = 3;

/// Three sites as they will be live, each with its policy, its worker and its store of bytes, over
/// links of 75 ms, in virtual time. Workers are killed; agents are not, train tests that.
class World {
 public:
  World() : sites_(sites_count) {
    for (std::uint32_t i = 0; i < sites_count; ++i) {
      Site& site = sites_[i];
      site.begin = small_job(folder_, i, sites_count);
      const auto& train = site.begin.train;
      site.policy.emplace(SiteSync::Config{.self = {i},
                                           .sites = sites_count,
                                           .budget = {train.tokens, 2 * 16, train.outer.fragments,
                                                      train.outer.period},
                                           .records = {},
                                           .stored = {}},
                          now_);
      for (std::uint32_t other = 0; other < sites_count; ++other)
        if (other != i)
          at(now_ + milliseconds(300), [=, this] { step(i, SiteSync::PeerUp{{other}}); });
      at(now_ + milliseconds(400), [this, i] { start_worker(i); });
    }
  }

  void at(Instant when, std::function<void()> run) {
    due_.emplace(std::pair{when, sequence_++}, std::move(run));
  }
  void run(Instant end) {
    while (!due_.empty() && due_.begin()->first.first <= end && finished_.size() < sites_count) {
      auto event = due_.extract(due_.begin());
      now_ = event.key().first;
      event.mapped()();
    }
  }
  void kill_worker(std::uint32_t i, Duration down) {
    if (!sites_[i].worker) return;
    sites_[i].worker.reset();
    step(i, SiteSync::WorkerLost{});
    at(now_ + down, [this, i] { start_worker(i); });
  }

  struct Site {
    Begin begin;
    std::optional<SiteSync> policy;
    std::optional<Worker> worker;
    std::map<Hash256, ByteVector> store;
    std::uint32_t life = 0;
    std::vector<Decision> decisions;
    std::map<SyncId, Hash256> hashes;
    Duration step_time = milliseconds(40);
  };
  std::vector<Site>& sites() { return sites_; }
  bool finished() const { return finished_.size() == sites_count; }
  double validation_loss(std::uint32_t i) {
    std::vector<Outgoing> said;
    REQUIRE(sites_[i].worker->receive(Evaluate{true}, {}, said));
    while (said.empty()) REQUIRE(sites_[i].worker->work(said));
    return std::get<Evaluated>(said[0].message).loss;
  }

 private:
  void start_worker(std::uint32_t i) {
    Site& site = sites_[i];
    ++site.life;
    site.worker.emplace(*Worker::create(site.begin));
    const auto [message, blob] = site.worker->ready();
    const auto& ready = std::get<Ready>(message);
    ByteView rest = blob;
    for (const auto& captured : ready.state.pending) keep(site, captured.contribution, rest);
    // It may have been killed before it said what it had merged and saved.
    for (const SiteSync::Applied& merge : ready.merges) note(site, merge);
    step(i, ready.state);
    run_worker(i, site.life);
  }
  static void keep(Site& site, const Contribution& contribution, ByteView& blob) {
    const ByteView bytes = blob.first(contribution.size);
    site.store[contribution.content] = {bytes.begin(), bytes.end()};
    blob = blob.subspan(contribution.size);
  }
  static void note(Site& site, const SiteSync::Applied& applied) {
    const auto [seen, first] = site.hashes.emplace(applied.sync, applied.hash);
    CHECK(seen->second == applied.hash);  // Also when it is applied again.
  }
  void run_worker(std::uint32_t i, std::uint32_t life) {
    Site& site = sites_[i];
    if (!site.worker || site.life != life) return;
    const auto work = site.worker->next_work();
    std::vector<Outgoing> said;
    REQUIRE(site.worker->work(said));
    const Duration took = work == Worker::Work::step ? site.step_time : milliseconds(2);
    at(now_ + took, [this, i, life] { run_worker(i, life); });
    hear(i, said);
  }
  void hear(std::uint32_t i, const std::vector<Outgoing>& said) {
    Site& site = sites_[i];
    for (const auto& [message, blob] : said) {
      if (const auto* captured = std::get_if<SiteSync::Captured>(&message)) {
        ByteView rest = blob;
        keep(site, captured->contribution, rest);
        CHECK(rest.empty());
        step(i, *captured);
      } else if (const auto* applied = std::get_if<SiteSync::Applied>(&message)) {
        note(site, *applied);
        step(i, *applied);
      }
    }
  }

  void step(std::uint32_t i, const SiteSync::Event& event) {
    std::vector<SiteSync::Action> actions;
    sites_[i].policy->step(now_, event, actions);
    for (const auto& action : actions) std::visit([&](const auto& a) { perform(i, a); }, action);
    const auto when = sites_[i].policy->wakeup();
    if (when)
      at(std::max(*when, now_), [this, i, when] {
        if (sites_[i].policy->wakeup() == when) step(i, Wakeup{});
      });
  }
  void tell(std::uint32_t i, const ToWorker& message, ByteView blob) {
    std::vector<Outgoing> said;
    const auto result = sites_[i].worker->receive(message, blob, said);
    if (!result) FAIL(result.error().what);
    const std::uint32_t life = sites_[i].life;
    at(now_ + milliseconds(2), [this, i, life, said] {
      if (sites_[i].life == life && sites_[i].worker) hear(i, said);
    });
  }
  void perform(std::uint32_t i, const SiteSync::Capture& a) { tell(i, a, {}); }
  ByteVector bytes_of(std::uint32_t i, const std::vector<Contribution>& members) const {
    ByteVector blob;
    for (const Contribution& member : members) {
      const ByteVector& bytes = sites_[i].store.at(member.content);
      blob.insert(blob.end(), bytes.begin(), bytes.end());
    }
    return blob;
  }
  void perform(std::uint32_t i, const SiteSync::Apply& a) {
    Site& site = sites_[i];
    if (site.decisions.size() == a.sync.value) site.decisions.push_back(a.decision);
    tell(i, a, bytes_of(i, a.decision.members));
  }
  void perform(std::uint32_t i, const SiteSync::Foresee& a) { tell(i, a, bytes_of(i, a.members)); }
  void perform(std::uint32_t i, const SiteSync::Send& a) {
    const std::uint32_t to = a.to.value;
    std::optional<ByteVector> bytes;
    if (a.attached) bytes = sites_[i].store.at(*a.attached);
    at(now_ + milliseconds(75), [this, i, to, a, bytes] {
      if (bytes) sites_[to].store[*a.attached] = *bytes;
      step(to, SiteSync::Received{{i}, a.message});
    });
  }
  void perform(std::uint32_t i, const SiteSync::Persist& a) {
    at(now_ + milliseconds(3),
       [this, i, upto = a.sequence] { step(i, SiteSync::Persisted{upto}); });
  }
  void perform(std::uint32_t i, const SiteSync::Forget& a) { sites_[i].store.erase(a.content); }
  void perform(std::uint32_t, const SiteSync::Closed&) {}
  void perform(std::uint32_t, const SiteSync::Refused&) { FAIL("refused an honest site"); }
  void perform(std::uint32_t, const SiteSync::Diverged& a) { FAIL("diverged at " << a.sync.value); }
  void perform(std::uint32_t i, const SiteSync::Finished&) { finished_.insert(i); }

  TestFolder folder_;
  Instant now_;
  std::vector<Site> sites_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> due_;
  std::uint64_t sequence_ = 0;
  std::set<std::uint32_t> finished_;
};

/// Tokens merged into all fragments, each once.
std::uint64_t tokens_of(const World::Site& site) {
  const std::uint32_t fragments = site.begin.train.outer.fragments;
  std::vector<std::map<SiteId, std::uint64_t>> ends(fragments);
  for (std::size_t q = 0; q < site.decisions.size(); ++q)
    for (const Contribution& member : site.decisions[q].members) {
      auto& end = ends[q % fragments][member.site];
      CHECK(member.tokens.begin == end);
      end = member.tokens.end;
    }
  std::uint64_t sum = 0;
  for (const auto& [id, end] : ends[0]) {
    sum += end;
    CHECK(ends[1][id] == end);
  }
  return sum;
}

void check_outcome(World& world) {
  REQUIRE(world.finished());
  auto& sites = world.sites();
  const auto shared = sites[0].worker->shared_parameters();
  for (std::uint32_t i = 0; i < sites_count; ++i) {
    CHECK(sites[i].decisions == sites[0].decisions);
    CHECK(sites[i].hashes == sites[0].hashes);
    CHECK(sites[i].hashes.size() == sites[0].decisions.size());
    CHECK(sites[i].worker->shared_parameters() == shared);
  }
  CHECK(world.validation_loss(0) < 1.5);  // ln 256 is 5.5.
}

}  // namespace

TEST_CASE("workers: three sites train to their budget, bit for bit the same") {
  World world;
  world.run({seconds(60).ns});
  check_outcome(world);
  CHECK(tokens_of(world.sites()[0]) == world.sites()[0].begin.train.tokens);
}

TEST_CASE("workers: a slow site, and workers killed at any time, cost no token and no bit") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    World world;
    Rng rng{seed};
    for (auto& site : world.sites())
      site.step_time = milliseconds(20 + static_cast<std::int64_t>(rng.below(60)));
    for (int kill = 0; kill < 6; ++kill) {
      const Instant when{milliseconds(500 + static_cast<std::int64_t>(rng.below(4000))).ns};
      const auto site = static_cast<std::uint32_t>(rng.below(sites_count));
      const Duration down = milliseconds(50 + static_cast<std::int64_t>(rng.below(900)));
      world.at(when, [&world, site, down] { world.kill_worker(site, down); });
    }
    world.run({seconds(120).ns});
    check_outcome(world);
    (void)tokens_of(world.sites()[0]);
  }
}
