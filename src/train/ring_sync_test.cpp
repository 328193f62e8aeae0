#include "axs/train/ring_sync.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <functional>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::train;

namespace {

constexpr std::uint64_t values = 7;
constexpr std::uint64_t save_period = 4;

using Values = std::vector<float>;

/// A state follows from the one before and the sum of the gradients; a gradient from the state, the
/// site and the step. So any value that is lost, doubled or out of place shows in the last state.
Values gradient_of(const Values& state, std::uint32_t site, SyncId step) {
  Values gradient = state;
  for (std::size_t i = 0; i < values; ++i)
    gradient[i] = 0.3F * gradient[i] +
                  static_cast<float>((site + 2) * (step.value % 13 + 1) * (i + 1)) * 0.17F;
  return gradient;
}
void advance(Values& state, const Values& sum) {
  for (std::size_t i = 0; i < values; ++i) state[i] = 0.5F * state[i] + 0.11F * sum[i];
}
Hash256 hash_of(const Values& state) {
  return sha256(
      {reinterpret_cast<const std::uint8_t*>(state.data()), state.size() * sizeof(float)});
}

/// The same without a ring.
Values expected_state(RingShape shape, std::uint64_t steps) {
  Values state(values);
  for (SyncId step; step.value < steps; step = next(step)) {
    Values sum(values);
    for (std::uint32_t piece = 0; piece < shape.pieces(); ++piece)
      for (std::uint32_t n = 0; n < shape.sites; ++n) {
        const std::uint32_t site = (shape.sender(piece, 0).value + n) % shape.sites;
        const FlatRange range = shape.range(piece);
        const Values gradient = gradient_of(state, site, step);
        for (std::size_t i = range.begin; i < range.begin + range.size; ++i)
          sum[i] = n == 0 ? gradient[i] : sum[i] + gradient[i];
      }
    advance(state, sum);
  }
  return state;
}

struct Saved {
  SyncId next;
  Values state;
};

/// What a worker does, without a model.
struct FakeWorker {
  SyncId next;
  Values state = Values(values), gradient{};
  std::uint64_t attempt = 0;
  RingStage stage = RingStage::halted;
  std::optional<RingReduce> reduce{};
  std::vector<std::pair<Chunk, Values>> early{};
  std::vector<Saved> saved{{SyncId{0}, Values(values)}};  ///< The newest two, oldest first.
};

struct Outcome {
  std::vector<Values> states;
  std::uint64_t steps_done = 0;
  std::uint64_t diverged = 0;
  bool finished = false;
};

/// Sites on links that keep no order, in virtual time. What a site says to one that is dead is kept
/// for the next incarnation, as the transport does.
class World {
 public:
  World(std::uint32_t sites, std::uint64_t steps, std::uint64_t seed)
      : shape_{sites, 2, values}, steps_{steps}, rng_{seed}, sites_(sites) {
    for (std::uint32_t i = 0; i < sites; ++i) start(i);
  }

  void kill_worker(Duration when, std::uint32_t i) {
    at(Instant{} + when, [this, i] {
      if (sites_[i].policy) lose_worker(i);
    });
  }
  void kill_agent(Duration when, std::uint32_t i) {
    at(Instant{} + when, [this, i] {
      Site& site = sites_[i];
      if (!site.policy) return;
      ++site.life;
      site.worker_up = false;
      site.policy.reset();
      at(now_ + random(milliseconds(300)), [this, i] { start(i); });
    });
  }
  void flap(Duration when, std::uint32_t i) {
    at(Instant{} + when, [this, i] { greet(i, SiteId{(i + 1) % shape_.sites}); });
  }

  Outcome run() {
    std::uint64_t events = 0;
    while (!due_.empty() && !done() && ++events < 2'000'000) {
      auto event = due_.extract(due_.begin());
      now_ = event.key().first;
      event.mapped()();
    }
    outcome_.finished = done();
    for (const Site& site : sites_) outcome_.states.push_back(site.worker.state);
    return outcome_;
  }
  const RingShape& shape() const { return shape_; }

 private:
  struct Site {
    std::optional<RingSync> policy;
    FakeWorker worker{};
    bool worker_up = false;
    std::uint32_t life = 0;  ///< of the worker
    std::uint32_t incarnation = 0;
  };

  void at(Instant when, std::function<void()> run) {
    due_.emplace(std::pair{when, sequence_++}, std::move(run));
  }
  Duration random(Duration most) {
    return Duration{static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most.ns)))};
  }
  bool done() const {
    for (const Site& site : sites_)
      if (!site.policy || site.worker.next.value < steps_) return false;
    return true;
  }

  void start(std::uint32_t i) {
    Site& site = sites_[i];
    ++site.incarnation;
    site.policy.emplace(RingSync::Config{SiteId{i}, shape_.sites, steps_, 1}, site.incarnation);
    for (std::uint32_t other = 0; other < sites_.size(); ++other) {
      if (other == i || !sites_[other].policy) continue;
      greet(i, SiteId{other});
      greet(other, SiteId{i});
    }
    start_worker(i);
  }
  /// That site hears that the other one is there, perhaps anew.
  void greet(std::uint32_t i, SiteId other) {
    later(i, RingSync::PeerDown{other}, {});
    later(i, RingSync::PeerUp{other}, {});
  }
  void later(std::uint32_t i, RingSync::Event event, Values bytes) {
    const std::uint32_t incarnation = sites_[i].incarnation;
    at(now_, [this, i, incarnation, event, bytes] {
      if (sites_[i].policy && sites_[i].incarnation == incarnation) step(i, event, bytes);
    });
  }
  void lose_worker(std::uint32_t i) {
    ++sites_[i].life;
    sites_[i].worker_up = false;
    step(i, RingSync::WorkerLost{}, {});
    start_worker(i);
  }
  void start_worker(std::uint32_t i) {
    const std::uint32_t life = sites_[i].life;
    at(now_ + milliseconds(20) + random(milliseconds(100)), [this, i, life] {
      Site& site = sites_[i];
      if (!site.policy || site.life != life) return;
      const auto saved = site.worker.saved;
      site.worker = {.next = saved.back().next, .state = saved.back().state, .saved = saved};
      site.worker_up = true;
      step(i, RingSync::WorkerReady{site.worker.next, {}}, {});
    });
  }

  void step(std::uint32_t i, const RingSync::Event& event, const Values& bytes) {
    std::vector<RingSync::Action> actions;
    sites_[i].policy->step(now_, event, actions);
    for (const auto& action : actions)
      std::visit([&](const auto& a) { perform(i, a, bytes); }, action);
  }
  void perform(std::uint32_t i, const RingOrder& order, const Values&) {
    tell(i, [this, i, order] { obey(i, order); });
  }
  void perform(std::uint32_t i, const RingSync::Give& give, const Values& bytes) {
    tell(i, [this, i, give, bytes] { take(i, give.chunk, bytes); });
  }
  void perform(std::uint32_t i, const RingSync::Send& send, const Values& bytes) {
    deliver(i, send, bytes);
  }
  void perform(std::uint32_t, const RingSync::Diverged&, const Values&) { ++outcome_.diverged; }
  void perform(std::uint32_t, const RingSync::Finished&, const Values&) {}

  void deliver(std::uint32_t i, const RingSync::Send& send, const Values& bytes) {
    at(now_ + milliseconds(1) + random(milliseconds(80)), [this, i, send, bytes] {
      if (!sites_[send.to.value].policy) return deliver(i, send, bytes);  // To the next one.
      step(send.to.value, RingSync::Received{SiteId{i}, send.message}, bytes);
    });
  }
  /// In order, as through a channel; lost if the worker dies before.
  void tell(std::uint32_t i, std::function<void()> run) {
    const std::uint32_t life = sites_[i].life;
    at(now_ + milliseconds(1), [this, i, life, run] {
      if (sites_[i].worker_up && sites_[i].life == life) run();
    });
  }
  void say(std::uint32_t i, RingSync::Event event, Values bytes = {}) {
    const std::uint32_t life = sites_[i].life;
    at(now_ + milliseconds(1), [this, i, life, event, bytes] {
      if (sites_[i].policy && sites_[i].life == life) step(i, event, bytes);
    });
  }

  void obey(std::uint32_t i, const RingOrder& order) {
    FakeWorker& worker = sites_[i].worker;
    worker.attempt = order.attempt;
    worker.stage = order.stage;
    if (order.stage == RingStage::halted) worker.early.clear(), worker.reduce.reset();
    if (order.stage == RingStage::rewound) rewind(worker, order.from);
    say(i, RingReport{order.attempt, order.stage, worker.saved.back().next});
    if (order.stage == RingStage::running) compute(i);
  }
  void rewind(FakeWorker& worker, SyncId from) {
    std::erase_if(worker.saved, [&](const Saved& saved) { return saved.next > from; });
    REQUIRE(worker.saved.back().next == from);
    worker.next = from;
    worker.state = worker.saved.back().state;
  }
  void compute(std::uint32_t i) {
    if (sites_[i].worker.next.value >= steps_) return;
    const std::uint64_t attempt = sites_[i].worker.attempt;
    const std::uint32_t life = sites_[i].life;
    at(now_ + milliseconds(5) + random(milliseconds(30)), [this, i, attempt, life] {
      FakeWorker& worker = sites_[i].worker;
      if (sites_[i].life != life || worker.attempt != attempt || worker.reduce ||
          worker.stage != RingStage::running)
        return;
      worker.gradient = gradient_of(worker.state, i, worker.next);
      worker.reduce.emplace(shape_, SiteId{i});
      if (worker.reduce->complete()) return finish(i);
      for (std::uint32_t p = worker.reduce->first_own(); p < worker.reduce->end_own(); ++p)
        send_on(i, p, 0);
      auto early = std::exchange(worker.early, {});
      for (const auto& [chunk, bytes] : early) take(i, chunk, bytes);
    });
  }
  void send_on(std::uint32_t i, std::uint32_t piece, std::uint32_t hop) {
    const FakeWorker& worker = sites_[i].worker;
    const FlatRange range = shape_.range(piece);
    const auto begin = worker.gradient.begin() + static_cast<std::ptrdiff_t>(range.begin);
    say(i, RingSync::Made{{worker.attempt, worker.next, piece, hop, 0}},
        {begin, begin + static_cast<std::ptrdiff_t>(range.size)});
  }
  void take(std::uint32_t i, const Chunk& chunk, const Values& bytes) {
    FakeWorker& worker = sites_[i].worker;
    if (chunk.attempt != worker.attempt || worker.stage == RingStage::halted) return;
    if (chunk.step != worker.next || !worker.reduce) {
      REQUIRE(chunk.step >= worker.next);
      REQUIRE(chunk.step <= next(worker.next));
      worker.early.emplace_back(chunk, bytes);
      return;
    }
    const auto taken = worker.reduce->take(chunk.piece, chunk.hop);
    REQUIRE(taken.has_value());
    for (std::size_t v = 0; v < bytes.size(); ++v) {
      float& own = worker.gradient[taken->range.begin + v];
      own = taken->use == RingReduce::Use::add ? bytes[v] + own : bytes[v];
    }
    if (taken->next_hop) send_on(i, chunk.piece, *taken->next_hop);
    if (worker.reduce->complete()) finish(i);
  }
  void finish(std::uint32_t i) {
    FakeWorker& worker = sites_[i].worker;
    advance(worker.state, worker.gradient);
    worker.reduce.reset();
    ++outcome_.steps_done;
    const SyncId done = std::exchange(worker.next, next(worker.next));
    if (worker.next.value % save_period == 0 || worker.next.value == steps_) {
      worker.saved.push_back({worker.next, worker.state});
      if (worker.saved.size() > 2) worker.saved.erase(worker.saved.begin());
    }
    say(i, RingSync::Applied{done, hash_of(worker.state)});
    compute(i);
  }

  RingShape shape_;
  std::uint64_t steps_;
  Rng rng_;
  std::vector<Site> sites_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> due_;
  std::uint64_t sequence_ = 0;
  Instant now_;
  Outcome outcome_;
};

void check(const Outcome& outcome, RingShape shape, std::uint64_t steps) {
  CHECK(outcome.finished);
  CHECK(outcome.diverged == 0);
  for (const Values& state : outcome.states) CHECK(state == expected_state(shape, steps));
}

}  // namespace

TEST_CASE("ring sync: all sites end with the same bits, each step done once by each") {
  for (std::uint32_t sites = 1; sites <= 5; ++sites) {
    World world{sites, 30, sites};
    const Outcome outcome = world.run();
    check(outcome, world.shape(), 30);
    CHECK(outcome.steps_done == 30 * sites);
  }
}

TEST_CASE("ring sync: killed workers and agents at random moments change no bit of the outcome") {
  CHECK(rc::check([] {
    World world{3, 40, *rc::gen::arbitrary<std::uint64_t>()};
    const auto kills = *rc::gen::inRange(0, 6);
    for (int n = 0; n < kills; ++n) {
      const Duration when = milliseconds(*rc::gen::inRange(0, 12'000));
      const auto site = *rc::gen::inRange<std::uint32_t>(0, 3);
      switch (*rc::gen::inRange(0, 3)) {
        case 0:
          world.kill_worker(when, site);
          break;
        case 1:
          world.kill_agent(when, site);
          break;
        default:
          world.flap(when, site);
      }
    }
    const Outcome outcome = world.run();
    RC_ASSERT(outcome.finished);
    RC_ASSERT(outcome.diverged == 0u);
    for (const Values& state : outcome.states)
      RC_ASSERT(state == expected_state(world.shape(), 40));
  }));
}

TEST_CASE("ring sync: an order is void that comes after a newer one which the worker still obeys") {
  World world{3, 40, 6612118};
  world.kill_agent(milliseconds(201), 1);
  check(world.run(), world.shape(), 40);
}

TEST_CASE("ring sync: a link that flaps sends nobody back") {
  World world{3, 40, 1};
  for (int n = 0; n < 20; ++n)
    world.flap(milliseconds(1'000 + 100 * n), static_cast<std::uint32_t>(n % 3));
  const Outcome outcome = world.run();
  check(outcome, world.shape(), 40);
  CHECK(outcome.steps_done == 40 * 3);
}

TEST_CASE("ring sync: another state at another site is noticed at the next step") {
  RingSync site{{SiteId{1}, 3, 10, 3}};
  std::vector<RingSync::Action> actions;
  site.step({}, RingSync::WorkerReady{{4}, {}}, actions);
  site.step({}, RingSync::Received{SiteId{2}, StateHash{{4}, {1}}}, actions);
  site.step({}, RingSync::Applied{{4}, {2}}, actions);
  const auto* diverged = std::get_if<RingSync::Diverged>(&actions.back());
  REQUIRE(diverged != nullptr);
  CHECK(diverged->other == SiteId{2});
  CHECK(site.merged_tokens() == 15);
}

TEST_CASE("ring sync: chunks of an earlier attempt, or from the wrong side, go no farther") {
  RingSync site{{SiteId{1}, 3, 10, 1}};
  std::vector<RingSync::Action> actions;
  const auto given = [&](SiteId from, std::uint64_t attempt) {
    actions.clear();
    site.step({}, RingSync::Received{from, Chunk{attempt, {0}, 0, 0, 4}}, actions);
    return !actions.empty();
  };
  site.step({}, RingSync::WorkerReady{{0}, {}}, actions);
  CHECK_FALSE(given(SiteId{0}, 0));
  site.step({}, RingReport{2, RingStage::halted, {0}}, actions);
  CHECK_FALSE(given(SiteId{0}, 2));
  site.step({}, RingReport{2, RingStage::rewound, {0}}, actions);
  CHECK(given(SiteId{0}, 2));
  CHECK_FALSE(given(SiteId{0}, 1));
  CHECK_FALSE(given(SiteId{2}, 2));
}

namespace {

/// A site, and what it says its worker shall do.
struct Told {
  RingSync site;
  std::vector<RingSync::Action> actions{};

  /// The orders that follow from that.
  std::vector<RingOrder> tell(const RingSync::Event& event) {
    actions.clear();
    site.step({}, event, actions);
    std::vector<RingOrder> orders;
    for (const auto& action : actions)
      if (const auto* order = std::get_if<RingOrder>(&action)) orders.push_back(*order);
    return orders;
  }
  /// Whether it is told to its worker just so.
  bool obeys(const RingOrder& order) { return !tell(RingSync::Received{SiteId{0}, order}).empty(); }
  /// "attempt stage" of the only order that follows from that report, or nothing.
  std::optional<std::pair<std::uint64_t, RingStage>> hear(std::uint32_t from, RingReport report) {
    const auto orders = from == 0 ? tell(report) : tell(RingSync::Received{SiteId{from}, report});
    REQUIRE(orders.size() <= 1);
    if (orders.empty()) return std::nullopt;
    return std::pair{orders[0].attempt, orders[0].stage};
  }
};

constexpr std::nullopt_t nothing = std::nullopt;

auto order_of(std::uint64_t attempt, RingStage stage) {
  return std::optional{std::pair{attempt, stage}};
}

}  // namespace

TEST_CASE("ring sync: what a worker made in an earlier attempt is not passed on") {
  Told told{RingSync{{SiteId{1}, 3, 10, 1}}};
  told.tell(RingSync::WorkerReady{{0}, {}});
  told.tell(RingReport{2, RingStage::running, {0}});
  for (const std::uint64_t attempt : {1U, 2U, 3U}) {
    told.tell(RingSync::Made{Chunk{attempt, {0}, 0, 0, 4}});
    CHECK(told.actions.size() == (attempt == 2 ? 1 : 0));
  }
}

TEST_CASE("ring sync: orders are obeyed one stage after the other, each of its attempt") {
  using enum RingStage;
  Told told{RingSync{{SiteId{1}, 3, 10, 1}}};
  CHECK_FALSE(told.obeys({3, halted, {}}));  // There is no worker.
  told.tell(RingSync::WorkerReady{{0}, {}});
  CHECK(told.obeys({3, halted, {}}));
  for (const std::uint64_t attempt : {2U, 3U}) CHECK_FALSE(told.obeys({attempt, halted, {}}));
  told.tell(RingReport{3, halted, {0}});
  for (const std::uint64_t attempt : {2U, 3U}) CHECK_FALSE(told.obeys({attempt, halted, {}}));
  for (const std::uint64_t attempt : {2U, 4U}) CHECK_FALSE(told.obeys({attempt, rewound, {}}));
  CHECK_FALSE(told.obeys({3, running, {}}));
  CHECK(told.obeys({3, rewound, {}}));
  told.tell(RingReport{3, rewound, {0}});
  for (const std::uint64_t attempt : {2U, 4U}) CHECK_FALSE(told.obeys({attempt, running, {}}));
  CHECK(told.obeys({3, running, {}}));
  told.tell(RingReport{3, running, {0}});
  CHECK_FALSE(told.obeys({3, halted, {}}));
  CHECK(told.obeys({4, halted, {}}));
}

TEST_CASE("ring sync: the head waits for all, in the stage and the attempt at hand") {
  using enum RingStage;
  Told told{RingSync{{SiteId{0}, 3, 10, 1}}};
  CHECK(told.tell(RingSync::WorkerReady{{4}, {}}).empty());
  CHECK(told.hear(1, {0, halted, {8}}) == nothing);
  CHECK(told.hear(2, {0, halted, {4}}) == order_of(1, halted));
  // The others say that they are halted, but they were that before.
  CHECK(told.hear(0, {1, halted, {4}}) == nothing);
  CHECK(told.hear(1, {1, halted, {8}}) == nothing);
  CHECK(told.hear(2, {1, halted, {4}}) == order_of(1, rewound));
  CHECK(told.hear(0, {1, rewound, {4}}) == nothing);
  CHECK(told.hear(1, {1, rewound, {4}}) == nothing);
  CHECK(told.hear(1, {1, halted, {8}}) == nothing);  // It was overtaken.
  CHECK(told.hear(2, {1, rewound, {4}}) == order_of(1, running));
}

TEST_CASE("ring sync: what a site says of an attempt that is over does not hide where it is") {
  using enum RingStage;
  Told told{RingSync{{SiteId{0}, 3, 10, 1}}};
  told.tell(RingSync::WorkerReady{{4}, {}});
  told.hear(1, {0, halted, {4}});
  told.hear(2, {0, halted, {4}});
  CHECK(told.hear(2, {0, halted, {4}}) == order_of(2, halted));  // Its worker is new once more.
  CHECK(told.hear(1, {2, halted, {4}}) == nothing);
  CHECK(told.hear(1, {1, running, {4}}) == nothing);
  CHECK(told.hear(0, {2, halted, {4}}) == nothing);
  CHECK(told.hear(2, {2, halted, {4}}) == order_of(2, rewound));
}

TEST_CASE("ring sync: what a site did for the head before is not taken for an answer to this one") {
  using enum RingStage;
  Told told{RingSync{{SiteId{0}, 2, 10, 1}, 2}};
  constexpr std::uint64_t first = (std::uint64_t{2} << 32) + 1;
  told.tell(RingSync::WorkerReady{{4}, {}});
  CHECK(told.hear(1, {0, halted, {4}}) == order_of(first, halted));
  CHECK(told.hear(0, {first, halted, {4}}) == nothing);
  for (const std::uint64_t before : {std::uint64_t{1}, first - 1})
    CHECK(told.hear(1, {before, halted, {4}}) == nothing);
  CHECK(told.hear(1, {first, halted, {4}}) == order_of(first, rewound));
}
