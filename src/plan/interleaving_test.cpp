#include "axs/plan/interleaving.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "axs/plan/gpt3_testing.h"
#include "axs/plan/search_exhaustive_testing.h"
#include "axs/plan/search_scenes_testing.h"
#include "axs/plan/shared_work.h"
#include "axs/plan/step_time.h"

using namespace axs;
using namespace axs::plan;
using scenes::best_step;

namespace {

const Calibration calibration = scenes::calibration();

ReplicaKind random_kind(Rng& rng) {
  ReplicaKind kind;
  kind.fill = Seconds{1 + 4 * rng.uniform()};
  kind.bottleneck = Seconds{0.3 + rng.uniform()};
  kind.virtual_stages = static_cast<std::uint32_t>(1 + rng.below(3));
  kind.round = round_of(static_cast<std::uint32_t>(2 + rng.below(7)), kind.virtual_stages);
  return kind;
}

bool is_interleaved(const TrainingPlan& plan) {
  return std::ranges::any_of(plan.groups,
                             [](const ReplicaGroup& group) { return group.virtual_stages > 1; });
}

bool has_several_types(const TrainingPlan& plan) {
  std::set<std::uint32_t> types;
  for (const ReplicaGroup& group : plan.groups)
    for (const PlannedStage& stage : group.stages) types.insert(stage.type);
  return types.size() > 1;
}

/// Few devices and layers that are cut into chunks in several ways, with memory for some of them.
struct Scene {
  Job job;
  Fleet fleet;

  explicit Scene(std::uint64_t seed) {
    Rng rng{seed};
    job = scenes::small_job(rng);
    job.shape.layers = rng.chance(0.3) ? 8 : rng.chance(0.5) ? 6 : 4;
    job.global_batch = static_cast<std::uint32_t>(2 * (1 + rng.below(4)));
    fleet.sites.push_back({.name = "a", .jurisdiction = "", .pools = {}});
    // Of more layers on several types the search does not look at all cuts.
    const std::uint32_t types = job.shape.layers == 4 && rng.chance(0.7) ? 2 : 1;
    for (std::uint32_t type = 0; type < types; ++type) {
      const double tflops = 100 + 900 * rng.uniform(), memory = 9 + 14 * rng.uniform();
      fleet.types.push_back(scenes::device("chip", tflops, memory, rng.chance(0.7) ? 1 : 2));
      fleet.sites[0].pools.push_back({type, static_cast<std::uint32_t>(1 + rng.below(4 / types))});
    }
  }
};

}  // namespace

TEST_SUITE_BEGIN("interleaving");

TEST_CASE("interleaving: a replica does as many whole rounds as end in time, or all") {
  Rng rng{1};
  for (int i = 0; i < 2000; ++i) {
    const ReplicaKind kind = random_kind(rng);
    const auto wanted = static_cast<std::int64_t>(1 + rng.below(40));
    const Seconds limit{30 * rng.uniform()};
    std::int64_t most = 0;
    for (std::int64_t m = 1; m <= wanted; ++m)
      if (kind.end(m) <= limit && (m % kind.round == 0 || m == wanted)) most = m;
    CHECK(kind.capacity(limit, wanted) == most);
  }
}

TEST_CASE("interleaving: who is never later is not, with any work") {
  Rng rng{2};
  int never_later = 0, missed = 0;
  for (int i = 0; i < 20000; ++i) {
    const ReplicaKind a = random_kind(rng), b = random_kind(rng);
    bool is_later = false;
    for (std::int64_t m = 1; m <= 200; ++m) is_later = is_later || a.end(m) > b.end(m);
    if (a.is_never_later_than(b)) {
      CHECK_FALSE(is_later);
      ++never_later;
    } else if (!is_later && b.round % a.round == 0) {
      // None with a shorter fill and a little longer bottleneck: in the long run it is later.
      missed += a.bottleneck <= b.bottleneck ? 1 : 0;
    }
  }
  CHECK(never_later > 1000);
  CHECK(missed == 0);
}

TEST_CASE("interleaving: shared work is all of it, in time, and whole rounds of those alike") {
  Rng rng{3};
  int with_rest = 0;
  for (int i = 0; i < 3000; ++i) {
    std::vector<ReplicaKind> kinds{random_kind(rng), random_kind(rng)};
    if (rng.chance(0.5)) kinds.pop_back();
    std::vector<ChosenReplicas> chosen;
    for (const ReplicaKind& kind : kinds)
      chosen.push_back({0, &kind, static_cast<std::uint32_t>(1 + rng.below(4))});
    const ReplicaDemand demand{8, 1, static_cast<std::int64_t>(8 * (1 + rng.below(9)))};
    const Seconds limit{60 * rng.uniform()};
    std::int64_t can = 0;
    bool all_work = true;
    for (const ChosenReplicas& c : chosen) {
      const std::int64_t each = c.kind->capacity(limit, demand.micro_batches);
      all_work = all_work && each > 0;
      can += c.bundles * each;
    }
    if (!all_work || can < demand.micro_batches) continue;
    const SharedWork shared = share_work(chosen, demand, limit);
    CHECK(shared.slowest <= limit);
    std::int64_t done = 0, replicas = 0, rests = 0;
    for (const ReplicaGroup& group : shared.groups) {
      CHECK(group.micro_batches > 0);
      done += group.replicas * group.micro_batches;
      replicas += group.replicas;
      rests += group.micro_batches % kinds[0].round == 0 ? 0 : 1;
    }
    CHECK(done == demand.micro_batches);
    CHECK(replicas == chosen[0].bundles + (chosen.size() > 1 ? chosen[1].bundles : 0));
    const std::int64_t round = kinds[0].round;
    if (chosen.size() == 1 && done % round == 0 && replicas * round <= done) CHECK(rests == 0);
    with_rest += rests > 0 ? 1 : 0;
  }
  CHECK(with_rest > 100);
}

TEST_CASE("interleaving: nobody waits for less than no time, however long stages exchange") {
  Workload work = axs::plan::testing::gpt3_on_a100();
  work.network.node_rate = BytesPerSecond{1e6};
  work.plan.pipeline = 2;
  work.plan.global_batch = 64;
  for (const std::uint32_t chunks : {1u, 2u, 8u}) {
    work.plan.virtual_stages = chunks;
    const StepTime step = *step_time(work, calibration);
    CHECK(step.stage_transfers > step.products);
    CHECK(step.bubble >= Seconds{});
  }
}

TEST_CASE("interleaving: no plan is better, added devices never harm") {
  int interleaved = 0, several_types = 0;
  for (std::uint64_t seed = 0; seed < 320; ++seed) {
    Scene scene{seed};
    const Seconds best = Exhaustive{scene.job, scene.fleet, calibration}.step();
    const auto found = search(scene.job, scene.fleet, calibration);
    CAPTURE(seed);
    CHECK(found.has_value() == (best < Seconds{1e30}));
    if (!found) continue;
    CHECK(found->plan.step.total >= best * (1 - 1e-9));
    CHECK(found->plan.step.total <= best * (1 + 1e-9));
    if (is_interleaved(found->plan)) {
      ++interleaved;
      several_types += has_several_types(found->plan) ? 1 : 0;
    }
    Rng rng{seed};
    scenes::grow(rng, scene.fleet);
    CHECK(best_step(scene.job, scene.fleet) <= found->plan.step.total * (1 + 1e-9));
  }
  CHECK(interleaved > 8);
  CHECK(several_types > 2);
}

TEST_SUITE_END();
