#include "axs/plan/sequence_split.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/plan/breakdown.h"
#include "axs/plan/frugal_exhaustive_testing.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/search_exhaustive_testing.h"
#include "axs/plan/search_scenes_testing.h"
#include "axs/plan/wanted_plan.h"

using namespace axs;
using namespace axs::plan;

namespace {

const Calibration calibration = scenes::calibration();

/// Llama 3's heads, four devices each of two types, one twice as fast as the other.
struct TwoTypes {
  Job job;
  Fleet fleet;

  explicit TwoTypes(std::uint32_t sequence) {
    Rng rng{1};
    job = scenes::small_job(rng);
    job.global_batch = 2;
    job.sequence = sequence;
    fleet.types = {scenes::device("fast", 800, 80, 4), scenes::device("slow", 400, 80, 4)};
    fleet.sites.push_back({.name = "a", .jurisdiction = "", .pools = {{0, 4}, {1, 4}}});
  }

  SequenceSplitter splitter() const { return {job, fleet.types, calibration}; }
};

double tokens_of(const SequenceSplit& split) {
  double tokens = 0;
  for (const SplitPart& part : split.parts) tokens += double{1} * part.groups * part.share.tokens;
  return tokens;
}

bool has_split(const TrainingPlan& plan) {
  return std::ranges::any_of(plan.groups, [](const ReplicaGroup& group) {
    return std::ranges::any_of(group.stages,
                               [](const PlannedStage& stage) { return !stage.parts.empty(); });
  });
}

}  // namespace

TEST_CASE("sequence split: every token has a home, and faster devices have more") {
  for (const std::uint32_t sequence : {16384u, 65536u, 131072u, 30000u}) {
    const TwoTypes two{sequence};
    for (const std::uint32_t context : {2u, 4u, 8u}) {
      const auto splits = two.splitter().all(0, 1, context);
      CHECK(splits.size() == 3 * (context - 1));  // With 1, 2 and 4 tensor devices.
      for (const SequenceSplit& split : splits) {
        CAPTURE(split.tensor);
        CHECK(split.context() == context);
        CHECK(tokens_of(split) == sequence);
        const double ratio =
            static_cast<double>(split.parts[0].share.tokens) / split.parts[1].share.tokens;
        CHECK(ratio == doctest::Approx(2).epsilon(0.15));
      }
    }
  }
}

TEST_CASE("sequence split: what devices attend adds up to the whole of the attention") {
  const TwoTypes two{65536};
  const std::vector<StagePart> parts{{.type = 0, .groups = 1}, {.type = 1, .groups = 3}};
  const auto placed = two.splitter().attention(2, parts);
  REQUIRE(placed);
  const AttentionLayer& layer = placed->problem.layer;
  CHECK(layer.heads == 16);
  CHECK(layer.kv_heads == 4);
  double pairs = 0;
  for (const AttentionShard& shard : placed->placement.shards) pairs += shard.pairs;
  CHECK(pairs == layer.kv_heads * (65536.0 * 65537 / 2));
  const SequenceSplit split = split_of(2, parts, *placed);
  const Flops whole{4 * pairs * layer.queries_per_kv() * layer.head_width};
  const Flops shared = split.parts[0].share.attention + 3 * split.parts[1].share.attention;
  CHECK(shared >= whole);
  CHECK(shared <= 1.03 * whole);
  CHECK(placed->placement.makespan <= 1.02 * placed->placement.bound);
}

TEST_CASE("sequence split: what nobody shares is refused in a sentence") {
  TwoTypes two{65536};
  const std::vector<StagePart> parts{{.type = 0, .groups = 1}, {.type = 1, .groups = 1}};
  CHECK_FALSE(two.splitter().split(1, {parts[0]}));
  TwoTypes windows = two;
  windows.job.shape.window = 4096;
  CHECK_FALSE(windows.splitter().split(1, parts));
  TwoTypes classic = two;
  classic.job.software.attention = Attention::classic;
  const auto refused = classic.splitter().split(1, parts);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == "attention: unlike devices share FlashAttention to all tokens");
  TwoTypes prime{16411};  // Three groups cannot have as many tokens of what is left over.
  CHECK(prime.splitter().split(1, parts));
}

TEST_CASE("sequence split: groups that are alike take as long as parts that are") {
  TwoTypes two{131072};
  two.fleet.types[1] = two.fleet.types[0];
  const Method method{.context = 4};
  const SequenceSplit split =
      *two.splitter().split(2, {{.type = 0, .groups = 2}, {.type = 1, .groups = 2}});
  CHECK(split.parts[0].share.tokens == 32768);
  const StageCost shared =
      *StageCost::of(two.job, method, two.fleet.types, split, {1, 1}, calibration);
  const StageCost alike =
      *StageCost::of(two.job, method, two.fleet.types[0], 2, {1, 1}, calibration);
  CHECK(shared.devices() == alike.devices());
  CHECK(shared.nodes() == alike.nodes());
  CHECK(shared.layer().products.value() == doctest::Approx(alike.layer().products.value()));
  // The ring is partly waited for, shards are not all of one size.
  CHECK(shared.layer().attention.value() ==
        doctest::Approx(alike.layer().attention.value()).epsilon(0.05));
  CHECK(shared.memory({}).layer.value() == doctest::Approx(alike.memory({}).layer.value()));
  CHECK(shared.memory({}).none > alike.memory({}).none);  // What is fetched.
  CHECK(shared.memory({}).none < alike.memory({}).none + Bytes{1e9});
}

TEST_CASE("sequence split: the slower device and the fuller one set the pace and the room") {
  const TwoTypes two{65536};
  const SequenceSplit split =
      *two.splitter().split(1, {{.type = 0, .groups = 1}, {.type = 1, .groups = 1}});
  const Method method{.context = 2};
  const StageCost both =
      *StageCost::of(two.job, method, two.fleet.types, split, {1, 1}, calibration);
  REQUIRE(both.parts().size() == 2);
  for (const StageCost& part : both.parts()) {
    CHECK(both.time({}).layer >= part.time({}).layer);
    CHECK(both.tail(2, {}) >= part.tail(2, {}));
    CHECK(both.most_layers({}) <= part.most_layers({}));
  }
  CHECK(both.parts()[0].memory({}).layer > both.parts()[1].memory({}).layer);  // More tokens.
  const StageCost again = both.with_replicas({3, 3});
  CHECK(again.parts().size() == 2);
  const StageCost anew =
      *StageCost::of(two.job, method, two.fleet.types, split, {3, 3}, calibration);
  CHECK(again.time({}).layer == anew.time({}).layer);
  CHECK(again.tail(2, {}) == anew.tail(2, {}));
}

TEST_CASE("sequence split: a range of replicas is no slower than any of its numbers") {
  TwoTypes two{32768};
  for (DeviceType& type : two.fleet.types) type.network.node_rate = BytesPerSecond{1e9};
  for (const SequenceSplit& split : two.splitter().all(0, 1, 4))
    for (const Sharding sharding : {Sharding::optimizer, Sharding::parameters}) {
      const Method method{.sharding = sharding, .context = 4};
      const auto cost = [&](ReplicaRange replicas) {
        return *StageCost::of(two.job, method, two.fleet.types, split, replicas, calibration);
      };
      const StageCost range = cost({1, 8});
      for (std::uint32_t replicas = 1; replicas <= 8; ++replicas) {
        const StageCost one = cost({replicas, replicas});
        CAPTURE(replicas);
        CHECK(range.time({}).layer <= one.time({}).layer);
        CHECK(range.most_layers({}) >= one.most_layers({}));
      }
    }
}

TEST_CASE("sequence split: a plan shares long sequences where that is best, and says so") {
  const TwoTypes two{131072};
  const auto found = search(two.job, two.fleet, calibration);
  REQUIRE(found);
  const TrainingPlan& plan = found->plan;
  REQUIRE(has_split(plan));
  const PlannedStage& stage = plan.groups[0].stages[0];
  CHECK(stage.type == stage.parts[0].type);
  CHECK(stage.memory == stage.parts[0].memory);
  CHECK(plan.idle == std::vector<std::uint32_t>{0, 0});
  const auto broken = breakdown(two.job, two.fleet, plan, calibration);
  REQUIRE(broken);
  REQUIRE(broken->splits.size() == 1);
  CHECK(broken->splits[0].parts == stage.parts);
  Seconds sum{};
  for (const PartCost& part : broken->groups[0].stages[0].parts) sum += part.time;
  CHECK(sum.value() == doctest::Approx(plan.step.total.value()));
  CHECK(broken->energy.value() * steps(two.job) ==
        doctest::Approx(plan.cost.energy.value()).epsilon(1e-6));
  TwoTypes one = two;  // Alone the faster ones take longer, and mixed pipelines as well.
  one.fleet.sites[0].pools[1].devices = 0;
  CHECK(search(one.job, one.fleet, calibration)->plan.step.total > 1.2 * plan.step.total);
}

TEST_CASE("sequence split: the order of types does not matter, also of a plan that runs") {
  const TwoTypes two{131072};
  const TrainingPlan plan = search(two.job, two.fleet, calibration)->plan;
  TwoTypes other = two;
  std::swap(other.fleet.types[0], other.fleet.types[1]);
  const TrainingPlan same = search(other.job, other.fleet, calibration)->plan;
  CHECK(same.step == plan.step);
  CHECK(same.groups[0].stages[0].parts[0].tokens == plan.groups[0].stages[0].parts[0].tokens);
  TrainingPlan running = plan;  // As a file of the other order says it.
  for (ReplicaGroup& group : running.groups)
    for (PlannedStage& stage : group.stages) std::swap(stage.parts[0], stage.parts[1]);
  const auto kept =
      Search::of(two.job, two.fleet, calibration)->shared_anew(running.method, running.groups);
  REQUIRE(kept);
  CHECK(kept->step == plan.step);
}

TEST_CASE("sequence split: every group is home of blocks, or there is no split") {
  TwoTypes two{65536};
  for (const double slower : {1.0, 0.5, 0.2, 0.05}) {
    two.fleet.types[1] = scenes::device("slow", 800 * slower, 80, 4);
    for (const std::uint32_t groups : {1u, 4u, 7u}) {
      const std::vector<StagePart> parts{{.type = 0, .groups = groups},
                                         {.type = 1, .groups = 8 - groups}};
      const auto placed = two.splitter().attention(1, parts);
      if (!placed) CHECK(slower < 0.3);
      if (placed)
        for (const AttentionDevice& device : placed->problem.devices)
          CHECK(device.tokens >= 2 * placed->problem.query_block);
    }
  }
}

TEST_CASE("sequence split: what was planned is priced again as it was") {
  const TwoTypes two{131072};
  const TrainingPlan plan = search(two.job, two.fleet, calibration)->plan;
  const Search again = *Search::of(two.job, two.fleet, calibration);
  const auto same = again.shared_anew(plan.method, plan.groups);
  REQUIRE(same);
  CHECK(same->groups == plan.groups);
  CHECK(same->step.total.value() == doctest::Approx(plan.step.total.value()));
}

TEST_CASE("sequence split: searches find the best of all that may be shared") {
  int shared = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Rng rng{seed};
    const Job job = scenes::long_job(rng);
    const Fleet fleet = scenes::unlike_fleet(rng);
    const Seconds best = Exhaustive{job, fleet, calibration}.step();
    const auto found = search(job, fleet, calibration);
    CAPTURE(seed);
    CHECK(static_cast<bool>(found) == (best < Seconds{1e30}));
    if (!found) continue;
    shared += has_split(found->plan) ? 1 : 0;
    CHECK(found->plan.step.total >= best * (1 - 1e-9));
    CHECK(found->plan.step.total <= best * 1.01);
  }
  CHECK(shared > 2);
}

TEST_CASE("sequence split: devices that are added never make a plan worse") {
  int shared = 0;
  for (std::uint64_t seed = 100; seed < 116; ++seed) {
    Rng rng{seed};
    const Job job = scenes::long_job(rng);
    Fleet fleet = scenes::unlike_fleet(rng);
    Seconds before{1e30};
    for (int i = 0; i < 4; ++i) {
      const auto found = search(job, fleet, calibration);
      const Seconds after = found ? found->plan.step.total : before;
      CAPTURE(seed);
      CHECK(after <= before * (1 + 1e-9));
      shared += found && has_split(found->plan) ? 1 : 0;
      before = after;
      scenes::grow(rng, fleet);
    }
  }
  CHECK(shared > 5);
}

TEST_CASE("sequence split: searches for the least money and energy find the best, too") {
  int shared = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    Rng rng{seed};
    Job job = scenes::long_job(rng);
    Fleet fleet = scenes::unlike_fleet(rng);
    if (seed >= 4) {  // Neither of two holds a sequence, and a pipeline would mostly wait.
      job.global_batch = 1;
      for (DeviceType& type : fleet.types) type.accelerator.memory = Bytes{19e9};
      for (Pool& pool : fleet.sites[0].pools) pool.devices = 1;
    }
    scenes::price(rng, fleet);
    const auto fastest = search(job, fleet, calibration);
    if (!fastest) continue;
    for (const Objective objective : {Objective::money, Objective::energy}) {
      job.objective = objective;
      const Search all = *Search::of(job, fleet, calibration);
      const FrugalSearch frugal{all};
      const auto plan = wanted_plan(frugal, job, fastest->plan, [](double) { return true; }).plan;
      const double best = FrugalExhaustive{job, fleet, calibration}.score();
      const double found = *score_of(plan, objective) / steps(job);
      CAPTURE(seed);
      CHECK(found >= best * (1 - 1e-9));
      CHECK(found <= best * 1.01);
      shared += has_split(plan) ? 1 : 0;
    }
  }
  CHECK(shared > 4);
}
