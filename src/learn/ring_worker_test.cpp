#include "axs/learn/ring_worker.h"

#include <doctest/doctest.h>

#include <deque>
#include <numeric>

#include "axs/core/rng.h"
#include "axs/learn/distance_testing.h"
#include "axs/learn/job.h"
#include "axs/learn/worker_testing.h"
#include "axs/train/ring_sync.h"

using namespace axs;
using namespace axs::learn;
using namespace axs::train;

namespace {

constexpr std::uint32_t sites = 3;
constexpr std::uint64_t step_tokens = 32;

Begin job(const TestFolder& folder, std::uint32_t site, std::uint64_t steps,
          const std::optional<catalog::Shares>& shares = {}) {
  Begin begin = small_job(folder, site, sites);
  begin.train.sync = catalog::SyncMode::every_step;
  begin.train.tokens = steps * step_tokens * sites;
  begin.train.shares = shares;
  return begin;
}

/// As many sequences as without shares, dealt out unevenly.
const catalog::Shares uneven{1, {{{1, 2}}, {{1}}, {{2}}}};

/// Three workers and their policies; messages between sites overtake each other.
class World {
 public:
  World(std::uint64_t steps, std::uint64_t seed, const std::optional<catalog::Shares>& shares = {})
      : rng_{seed} {
    for (std::uint32_t i = 0; i < sites; ++i)
      sites_.push_back({.begin = job(folder_, i, steps, shares),
                        .policy = RingSync{{SiteId{i}, sites, steps, step_tokens * sites}}});
    for (std::uint32_t i = 0; i < sites; ++i) {
      start(i);
      step(i, RingSync::PeerUp{SiteId{0}}, {});
    }
  }

  /// Until all is done, or one site has done `steps` steps.
  void run(std::uint64_t steps = ~0ULL) {
    bool moved = true;
    while (moved) {
      for (const Site& site : sites_)
        if (site.worker->position() / step_tokens >= steps) return;
      moved = false;
      const auto i = static_cast<std::uint32_t>(rng_.below(sites));
      for (std::uint32_t n = 0; n < sites && !moved; ++n) moved = work((i + n) % sites);
      if (!way_.empty() && (!moved || rng_.below(2) == 0)) moved = true, deliver();
    }
  }
  void kill(std::uint32_t i) {
    sites_[i].worker.reset();
    step(i, RingSync::WorkerLost{}, {});
    start(i);
  }
  void forget(std::uint32_t i) { std::filesystem::remove_all(sites_[i].begin.folder); }
  RingWorker& worker(std::uint32_t i) { return *sites_[i].worker; }
  std::vector<float> parameters(std::uint32_t i) {
    const auto values = sites_[i].worker->parameters();
    return {values.begin(), values.end()};
  }
  const Begin& begin(std::uint32_t i) const { return sites_[i].begin; }
  std::uint64_t finished() const { return finished_; }

 private:
  struct Site {
    Begin begin;
    RingSync policy;
    std::optional<RingWorker> worker{};
  };
  struct Sent {
    SiteId from, to;
    RingMessage message;
    ByteVector values;
  };

  void start(std::uint32_t i) {
    auto worker = RingWorker::create(sites_[i].begin);
    if (!worker) FAIL(worker.error().what);
    sites_[i].worker.emplace(*std::move(worker));
    const Ready ready = std::get<Ready>(sites_[i].worker->ready().message);
    step(i, ready.state, {});
  }
  bool work(std::uint32_t i) {
    if (sites_[i].worker->next_work() == SiteWorker::Work::wait) return false;
    std::vector<Outgoing> said;
    REQUIRE(sites_[i].worker->work(said));
    hear(i, said);
    return true;
  }
  void deliver() {
    const std::size_t next = rng_.below(way_.size());
    const Sent sent = std::move(way_[next]);
    way_.erase(way_.begin() + static_cast<std::ptrdiff_t>(next));
    step(sent.to.value, RingSync::Received{sent.from, sent.message}, sent.values);
  }
  void step(std::uint32_t i, const RingSync::Event& event, ByteView values) {
    std::vector<RingSync::Action> actions;
    sites_[i].policy.step({}, event, actions);
    for (const auto& action : actions)
      std::visit([&](const auto& a) { perform(i, a, values); }, action);
  }
  void perform(std::uint32_t i, const RingOrder& order, ByteView) { tell(i, order, {}); }
  void perform(std::uint32_t i, const RingSync::Give& give, ByteView values) {
    tell(i, give.chunk, values);
  }
  void perform(std::uint32_t i, const RingSync::Send& send, ByteView values) {
    const bool chunk = std::holds_alternative<Chunk>(send.message);
    way_.push_back({SiteId{i}, send.to, send.message,
                    chunk ? ByteVector{values.begin(), values.end()} : ByteVector{}});
  }
  void perform(std::uint32_t, const RingSync::Diverged& diverged, ByteView) {
    FAIL("diverged at step " << diverged.sync.value);
  }
  void perform(std::uint32_t, const RingSync::Finished&, ByteView) { ++finished_; }

  void tell(std::uint32_t i, const ToWorker& message, ByteView values) {
    std::vector<Outgoing> said;
    const auto result = sites_[i].worker->receive(message, values, said);
    if (!result) FAIL(result.error().what);
    hear(i, said);
  }
  void hear(std::uint32_t i, const std::vector<Outgoing>& said) {
    for (const auto& [message, blob] : said) {
      if (const auto* chunk = std::get_if<Chunk>(&message)) step(i, RingSync::Made{*chunk}, blob);
      if (const auto* report = std::get_if<RingReport>(&message)) step(i, *report, {});
      if (const auto* applied = std::get_if<SiteSync::Applied>(&message)) step(i, *applied, {});
    }
  }

  TestFolder folder_;
  Rng rng_;
  std::vector<Site> sites_;
  std::vector<Sent> way_;
  std::uint64_t finished_ = 0;
};

/// One worker with the sequences of all three sites in its batch.
std::vector<float> threefold_batch(const Begin& begin, std::uint64_t steps) {
  const TrainerOptions options = *trainer_options(begin);
  std::vector<std::size_t> counts;
  for (std::uint32_t site = 0; site < sites; ++site)
    counts.push_back(catalog::site_sequences(begin.train, SiteId{site}, sites));
  const auto corpus = *corpus_of(begin);
  Batcher batcher = *Batcher::create(
      corpus->training,
      {.seed = options.seed, .shards = options.shards, .context = options.shape.context});
  Model model{options.shape, std::accumulate(counts.begin(), counts.end(), std::size_t{0}),
              options.seed};
  AdamW optimiser{options.shape, options.optimiser};
  for (std::uint64_t step = 0; step < steps; ++step) {
    Batch batch;
    for (std::uint32_t site = 0; site < sites; ++site) {
      const Batch part = batcher.batch(site, step * counts[site], counts[site]);
      batch.inputs.insert(batch.inputs.end(), part.inputs.begin(), part.inputs.end());
      batch.targets.insert(batch.targets.end(), part.targets.begin(), part.targets.end());
    }
    model.loss_and_gradient(batch);
    optimiser.step(model.parameters(), model.gradient(), options.learning_rate.at(step));
  }
  return {model.parameters().begin(), model.parameters().end()};
}

}  // namespace

TEST_CASE("ring worker: three sites end as one worker with the threefold batch") {
  World world{40, 1};
  world.run();
  CHECK(world.finished() == sites);
  for (std::uint32_t i = 1; i < sites; ++i) CHECK(world.parameters(i) == world.parameters(0));
  const auto expected = threefold_batch(world.begin(0), 40);
  CHECK(distance(world.parameters(0), expected) < 1e-4);
  CHECK(distance(world.parameters(0), threefold_batch(world.begin(0), 39)) > 1e-3);
}

TEST_CASE("ring worker: uneven shares count by their tokens, whoever is killed") {
  World world{40, 1, uneven};
  world.run(20);
  world.kill(0);
  world.run();
  CHECK(world.finished() == sites);
  for (std::uint32_t i = 0; i < sites; ++i) {
    CHECK(world.parameters(i) == world.parameters(0));
    CHECK(world.worker(i).position() == 40 * catalog::site_tokens_per_step(world.begin(i).train,
                                                                           world.begin(i).model,
                                                                           SiteId{i}, sites));
  }
  CHECK(distance(world.parameters(0), threefold_batch(world.begin(0), 40)) < 1e-4);
}

TEST_CASE("ring worker: killed at any moment and started again, all end with the same bits") {
  World straight{120, 1};
  straight.run();
  for (std::uint64_t seed = 2; seed < 6; ++seed) {
    World world{120, seed};
    Rng rng{seed};
    for (const std::uint64_t at : {0U, 30U, 51U, 100U, 119U}) {
      world.run(at);
      world.kill(static_cast<std::uint32_t>(rng.below(sites)));
    }
    world.run();
    for (std::uint32_t i = 0; i < sites; ++i) CHECK(world.parameters(i) == straight.parameters(0));
  }
}

TEST_CASE("ring worker: one whose folder is gone takes all back to the beginning") {
  World straight{60, 1}, world{60, 2};
  straight.run();
  world.run(55);
  world.forget(1);
  world.kill(1);
  world.run();
  CHECK(world.parameters(1) == straight.parameters(1));
}

TEST_CASE("ring worker: a single site needs no ring, and its last state names its merges") {
  const TestFolder folder;
  Begin begin = job(folder, 0, 10);
  begin.sites = 1;
  begin.train.sequences = 2;
  std::vector<Outgoing> said;
  {
    auto worker = *RingWorker::create(begin);
    for (const RingStage stage : {RingStage::halted, RingStage::rewound, RingStage::running})
      REQUIRE(worker.receive(RingOrder{1, stage, {}}, {}, said));
    CHECK(worker.steps() == 30);
    while (worker.next_work() == SiteWorker::Work::step) REQUIRE(worker.work(said));
    CHECK(worker.position() == 30 * step_tokens);
  }
  const auto again = *RingWorker::create(begin);
  const auto ready = std::get<Ready>(again.ready().message);
  CHECK(ready.state.applied == SyncId{30});
  REQUIRE(ready.merges.size() == 30);
  CHECK(to_wire(ready.merges.back()) == to_wire(std::get<SiteSync::Applied>(said.back().message)));
}

TEST_CASE("ring worker: what is wrong with a message is said") {
  const TestFolder folder;
  auto worker = *RingWorker::create(job(folder, 1, 10));
  std::vector<Outgoing> said;
  const auto why = [&](const ToWorker& message, ByteView bytes) {
    const auto result = worker.receive(message, bytes, said);
    return result ? std::string{} : result.error().what;
  };
  CHECK(why(SiteSync::Capture{{0}, 1}, {}) ==
        "worker: an order that is not for sync = \"every-step\"");
  CHECK(why(RingOrder{3, RingStage::rewound, {7}}, {}).find("no saved state before step 7") !=
        std::string::npos);
  for (const RingStage stage : {RingStage::halted, RingStage::rewound, RingStage::running})
    CHECK(why(RingOrder{4, stage, {}}, {}) == "");
  CHECK(why(Chunk{3, {9}, 0, 0, 0}, {}) == "");  // Of an earlier attempt.
  CHECK(why(Chunk{4, {2}, 0, 0, 0}, {}).find("want step 0 or the next") != std::string::npos);
  REQUIRE(worker.work(said));
  CHECK(why(Chunk{4, {0}, 1, 0, 0}, {}).find("is none that comes here") != std::string::npos);
  CHECK(why(Chunk{4, {0}, 0, 0, 0}, {}).find(": 0 bytes, want ") != std::string::npos);
}

TEST_CASE("ring worker: a folder of the other kind of job, or of another job, is refused") {
  const TestFolder folder;
  Begin begin = job(folder, 0, 1);
  begin.sites = 1;
  begin.train.sequences = 2;
  {
    auto worker = *RingWorker::create(begin);
    std::vector<Outgoing> said;
    for (const RingStage stage : {RingStage::halted, RingStage::rewound, RingStage::running})
      REQUIRE(worker.receive(RingOrder{1, stage, {}}, {}, said));
    while (worker.next_work() == SiteWorker::Work::step) REQUIRE(worker.work(said));
  }
  CHECK(RingWorker::create(begin).has_value());
  begin.seed = 4;
  const auto other = RingWorker::create(begin);
  REQUIRE_FALSE(other);
  CHECK(other.error().what.find("saved state of another job") != std::string::npos);
  begin.train.sync = catalog::SyncMode::outer;
  CHECK_FALSE(SiteWorker::create(begin));
}
