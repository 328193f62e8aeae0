#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "axs/plan/memory.h"
#include "axs/plan/search_exhaustive_testing.h"
#include "axs/plan/search_scenes_testing.h"
#include "axs/plan/step_time.h"

using namespace axs;
using namespace axs::plan;
using scenes::best_step;
using scenes::never;
using scenes::Roomy;

namespace {

const Calibration calibration = scenes::calibration();
std::string why_not(const Job& job, const Fleet& fleet) {
  const auto found = search(job, fleet, calibration);
  return found ? "" : found.error().what;
}

/// Whether each replica is one device that computes nothing again.
bool has_replicas_only(const TrainingPlan& plan) {
  return plan.method.recompute == Recompute::none && plan.method.context == 1 &&
         !is_of_one_stage(plan.method) &&
         std::ranges::all_of(plan.groups, [](const ReplicaGroup& group) {
           return group.stages.size() == 1 && group.stages[0].tensor == 1;
         });
}

/// Two sites with two types each.
struct TwoSites {
  Job job;
  Fleet fleet = scenes::large_fleet(24, 2, 2);

  TwoSites() {
    Rng rng{7};
    job = scenes::small_job(rng);
    job.loss_gap_max = 0.02;
  }
};

/// The plan as the model of homogeneous plans has it.
Workload workload_of(const Job& job, const Fleet& fleet, const TrainingPlan& plan) {
  const ReplicaGroup& group = plan.groups.front();
  Workload work{.shape = job.shape,
                .plan = {.tensor = group.stages.front().tensor,
                         .context = plan.method.context,
                         .data = group.replicas,
                         .pipeline = static_cast<std::uint32_t>(group.stages.size()),
                         .expert = plan.method.whole_experts ? group.stages.front().tensor : 1,
                         .virtual_stages = group.virtual_stages,
                         .sequence_parallel = group.stages.front().tensor > 1,
                         .sharding = plan.method.sharding,
                         .recompute = plan.method.recompute,
                         .micro_batch = plan.method.micro_batch,
                         .global_batch = job.global_batch,
                         .sequence = job.sequence,
                         .stage_layers = {}},
                .accelerator = fleet.types.front().accelerator,
                .network = fleet.types.front().network,
                .software = job.software};
  for (const PlannedStage& stage : group.stages) work.plan.stage_layers.push_back(stage.layers);
  work.software.memory_figure = MemoryFigure::device;
  return work;
}

}  // namespace

TEST_CASE("search: software that knows replicas only is given no other plan") {
  Rng rng{11};
  int others = 0;
  for (int i = 0; i < 60; ++i) {
    Job job = scenes::small_job(rng);
    const Fleet fleet = scenes::small_fleet(rng);
    const auto any = search(job, fleet, calibration);
    job.software.replicas_only = true;
    const auto simple = search(job, fleet, calibration);
    if (simple) CHECK(has_replicas_only(simple->plan));
    if (!any) {
      CHECK_FALSE(simple);
    } else if (!has_replicas_only(any->plan)) {
      CHECK((!simple || simple->plan.step.total >= any->plan.step.total));
      ++others;
    }
  }
  CHECK(others > 10);
}

TEST_CASE("search: no more than a hundredth above the best of all plans") {
  for (std::uint64_t seed = 0; seed < 90; ++seed) {
    Rng rng{seed};
    Job job = scenes::small_job(rng);
    Fleet fleet = scenes::small_fleet(rng);
    if (seed % 3 == 0) scenes::make_odd(rng, job, fleet);
    if (seed % 2 == 1) scenes::scatter(rng, fleet);
    if (seed % 4 == 1) job.loss_gap_max = 0.02;
    const Seconds best = Exhaustive{job, fleet, calibration}.step();
    const Seconds found = best_step(job, fleet);
    CAPTURE(seed);
    CHECK(found >= best * (1 - 1e-9));
    CHECK(found <= best * 1.01);
  }
}

TEST_CASE("search: devices, types, sites and links that are added never make a plan worse") {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    Rng rng{seed};
    Job job = scenes::small_job(rng);
    Fleet fleet = scenes::small_fleet(rng);
    if (seed >= 12) scenes::make_odd(rng, job, fleet);
    if (seed % 2 == 1) scenes::scatter(rng, fleet);
    if (seed % 4 != 0) job.loss_gap_max = 0.02;
    Seconds before = best_step(job, fleet);
    for (int i = 0; i < 2; ++i) {
      scenes::grow(rng, fleet);
      const Seconds after = best_step(job, fleet);
      CAPTURE(seed);
      CHECK(after <= before * (1 + 1e-9));
      before = after;
    }
  }
}

namespace {

/// What has been seen in the plans of units.
struct Seen {
  bool pipeline = false, few = false, experts = false, context = false;
  bool interleaved = false, rounds = false;  ///< with one round, with several
  bool sharded[4] = {};

  void take(const TrainingPlan& plan) {
    const ReplicaGroup& group = plan.groups[0];
    pipeline = pipeline || group.stages.size() > 1;
    few = few || group.micro_batches < group.stages.size();
    if (group.virtual_stages > 1)
      (group.micro_batches > group.stages.size() ? rounds : interleaved) = true;
    experts = experts || (plan.method.whole_experts && group.stages[0].tensor > 1);
    context = context || plan.method.context > 1;
    sharded[static_cast<std::size_t>(plan.method.sharding)] = true;
  }
};

/// The best plan of each unit, where all replicas are alike, takes what the model of homogeneous
/// plans says.
void check_units(const Job& job, const Fleet& fleet, Seen& seen) {
  const Search search = *Search::of(job, fleet, calibration);
  for (std::size_t unit = 0; unit < search.units(); ++unit) {
    const auto found = search.run(unit, never);
    if (!found || found->plan.groups.size() > 1) continue;
    const TrainingPlan& plan = found->plan;
    const auto& stages = plan.groups[0].stages;
    if (std::ranges::any_of(stages,
                            [&](const PlannedStage& s) { return s.tensor != stages[0].tensor; }))
      continue;
    CAPTURE(unit);
    seen.take(plan);
    const Workload work = workload_of(job, fleet, plan);
    const auto step = step_time(work, calibration);
    REQUIRE_MESSAGE(step, (step ? "" : step.error().what));
    CHECK(plan.step.total.value() == doctest::Approx(step->total.value()).epsilon(1e-9));
    Bytes most{};
    for (const PlannedStage& stage : stages) most = std::max(most, stage.memory);
    CHECK(most <= fleet.types[0].accelerator.memory);
    CHECK(most.value() ==
          doctest::Approx(memory_use(work, calibration.memory)->total.value()).epsilon(1e-9));
  }
}

}  // namespace

TEST_CASE("search: plans for devices of one kind take what step_time() and memory_use() say") {
  Seen seen;
  for (const double gigabytes : {80.0, 30.0, 16.0, 12.0}) {
    CAPTURE(gigabytes);
    Roomy roomy;
    roomy.fleet.types[0].accelerator.memory = Bytes{gigabytes * 1e9};
    check_units(roomy.job, roomy.fleet, seen);
    roomy.job.shape.tied = true;
    roomy.job.global_batch = 2;
    check_units(roomy.job, roomy.fleet, seen);
  }
  Roomy alone;  // Devices that are nodes by themselves, with memory for two layers.
  alone.fleet.types[0].accelerator.per_node = 1;
  for (const std::uint32_t batch : {8u, 2u, 1u})
    for (const double gigabytes : {30.0, 12.0}) {
      alone.fleet.types[0].accelerator.memory = Bytes{gigabytes * 1e9};
      alone.job.global_batch = batch;
      check_units(alone.job, alone.fleet, seen);
      alone.job.shape.layers = 12;
      check_units(alone.job, alone.fleet, seen);
      alone.job.shape.layers = 4;
    }
  Roomy mixture;
  mixture.job.shape.experts = {.count = 8, .chosen = 2, .feed_forward = 2048};
  check_units(mixture.job, mixture.fleet, seen);
  Roomy long_sequence;
  long_sequence.job.sequence = 16384;
  long_sequence.job.global_batch = 2;
  check_units(long_sequence.job, long_sequence.fleet, seen);
  CHECK(seen.pipeline);
  CHECK(seen.few);
  CHECK(seen.interleaved);
  CHECK(seen.rounds);
  CHECK(seen.experts);
  CHECK(seen.context);
  for (const Sharding sharding : {Sharding::optimizer, Sharding::gradients, Sharding::parameters})
    CHECK(seen.sharded[static_cast<std::size_t>(sharding)]);
}

TEST_CASE("search: chunks of which two are a layer short take what step_time() says") {
  Roomy deep;
  deep.job.shape.layers = 70;
  deep.job.shape.hidden = 1024;
  deep.fleet.types[0].accelerator.per_node = 1;
  const Search search = *Search::of(deep.job, deep.fleet, calibration);
  ReplicaGroup group{.stages = {{0, 1, 17, {}}, {0, 1, 18, {}}, {0, 1, 18, {}}, {0, 1, 17, {}}},
                     .crossings = {},
                     .virtual_stages = 3};
  const Method method{1, Recompute::full, Sharding::optimizer};
  const auto plan = search.shared_anew(method, {group});
  REQUIRE(plan);
  CHECK(plan->groups[0].micro_batches == 8);
  const Workload work = workload_of(deep.job, deep.fleet, *plan);
  CHECK(plan->step.total.value() ==
        doctest::Approx(step_time(work, calibration)->total.value()).epsilon(1e-9));
  Bytes most{};
  for (const PlannedStage& stage : plan->groups[0].stages) most = std::max(most, stage.memory);
  CHECK(most.value() ==
        doctest::Approx(memory_use(work, calibration.memory)->total.value()).epsilon(1e-9));
  const auto found = plan::search(deep.job, deep.fleet, calibration);
  CHECK(found->plan.step.total <= plan->step.total);
  std::swap(group.stages[0], group.stages[1]);
  CHECK_FALSE(search.shared_anew(method, {group}));
  deep.job.shape.layers = 62;  // Where two layers count for more, chunks are even.
  for (PlannedStage& stage : group.stages) stage.layers = 16;
  group.stages.front().layers = group.stages.back().layers = 15;
  CHECK_FALSE(Search::of(deep.job, deep.fleet, calibration)->shared_anew(method, {group}));
}

TEST_CASE("stage: what is sent to another kind of stage goes over the slower network") {
  const Roomy roomy;
  DeviceType slow = roomy.fleet.types[0];
  slow.network.node_rate = slow.network.node_rate / 10;
  const auto cost = [&](const DeviceType& type) {
    return *StageCost::of(roomy.job, {}, type, 1, {1, 1}, calibration);
  };
  const StageCost a = cost(roomy.fleet.types[0]), b = cost(slow);
  CHECK(a.transfers_with(a) < a.transfers_with(b));
  CHECK(a.transfers_with(b) == b.transfers_with(a));
  // As step_time() has it for replicas that fill the nodes.
  const StageCost full = *StageCost::of(roomy.job, {}, slow, 1, {4, 4}, calibration);
  CHECK(b.transfers_with(a) == full.transfers_with(full));
}

TEST_CASE("stage: few micro-batches need less memory than a pipeline that is full") {
  const Roomy roomy;
  const StageCost cost =
      *StageCost::of(roomy.job, {}, roomy.fleet.types[0], 1, {1, 1}, calibration);
  const Bytes full = cost.memory(place_of(0, 4)).at(1);
  const Bytes one = cost.memory(place_of(0, 4, 1)).at(1);
  CHECK(one < full);
  CHECK(cost.memory(place_of(0, 4, 4)).at(1) == full);
}

TEST_CASE("search: the order of the units and what is known before do not change the result") {
  const TwoSites scene;
  const Search search = *Search::of(scene.job, scene.fleet, calibration);
  const SearchResult whole = *plan::search(scene.job, scene.fleet, calibration);
  CHECK(whole.others.size() + 1 == search.methods().size());
  CHECK(whole.others.front().plan);
  // As threads do that are as far apart as possible: what one finds the next hears of late.
  for (const std::size_t late : {std::size_t{0}, std::size_t{1}, std::size_t{4}, search.units()})
    for (const bool backwards : {false, true}) {
      SearchSummary summary{search};
      std::vector<std::optional<Candidate>> found;
      for (std::size_t i = 0; i < search.units(); ++i) {
        const std::size_t unit = backwards ? search.units() - 1 - i : i;
        found.push_back(search.run(unit, summary.at_most()));
        if (i >= late && found[i - late]) summary.take(*found[i - late]);
      }
      for (const auto& candidate : found)
        if (candidate) summary.take(*candidate);
      CAPTURE(late);
      CHECK(*summary.result() == whole);
      CHECK(*summary.fastest() == SearchResult{whole.plan, {}, whole.unmet});
    }
}

TEST_CASE("search: whoever knows of the best plan finds it again, and none that is faster") {
  const TwoSites scene;
  const Search search = *Search::of(scene.job, scene.fleet, calibration);
  const SearchResult whole = *plan::search(scene.job, scene.fleet, calibration);
  for (const double share : {1.0, 0.999}) {
    SearchSummary summary{search, share * whole.plan.step.total};
    for (std::size_t unit = 0; unit < search.units(); ++unit)
      if (auto found = search.run(unit, summary.at_most())) summary.take(*std::move(found));
    CHECK(summary.best().has_value() == (share == 1));
    if (share == 1) CHECK(*summary.result() == whole);
  }
}

TEST_CASE("search: stopped anywhere and gone on with, it finds what it finds as a whole") {
  const TwoSites scene;
  const Search search = *Search::of(scene.job, scene.fleet, calibration);
  const SearchResult whole = *plan::search(scene.job, scene.fleet, calibration);
  for (const int patience : {1, 5, 20, 40}) {
    SearchSummary summary{search};
    int left = patience;
    int stops = 0;
    for (std::size_t unit = 0; unit < search.units();) {
      auto found = search.run(unit, summary.at_most(), [&] { return --left <= 0; });
      if (found) summary.take(*std::move(found));
      if (left > 0) {
        ++unit;
        continue;
      }
      left = patience << ++stops;  // else what takes longer than that never ends
    }
    CAPTURE(patience);
    CHECK(stops > 0);
    CHECK(*summary.result() == whole);
  }
}

TEST_CASE("search: stopped at once it has no plan, stopped later one that holds") {
  const TwoSites scene;
  const Search search = *Search::of(scene.job, scene.fleet, calibration);
  CHECK(!search.run(0, never, [] { return true; }));
  int left = 40;
  const auto stop = [&] { return --left <= 0; };
  SearchSummary summary{search};
  for (std::size_t unit = 0; unit < search.units() && left > 0; ++unit)
    if (auto found = search.run(unit, summary.at_most(), stop)) summary.take(*std::move(found));
  const auto result = summary.result(stop);
  REQUIRE(result);
  CHECK(result->others.size() + 1 == search.methods().size());
  for (const RunnerUp& other : result->others) CHECK(other.reason == not_compared);
  std::uint32_t sequences = 0;
  for (const ReplicaGroup& group : result->plan.groups)
    sequences += group.replicas * group.micro_batches * result->plan.method.micro_batch;
  CHECK(sequences == scene.job.global_batch);
}

TEST_CASE("search: all work is given out, no device twice, tensors within a node") {
  Rng rng{3};
  Job job = scenes::small_job(rng);
  job.global_batch = 96;
  const Fleet fleet = scenes::large_fleet(70, 3, 2);
  const TrainingPlan plan = search(job, fleet, calibration)->plan;
  std::uint32_t sequences = 0;
  std::vector<std::uint32_t> used(fleet.types.size());
  for (const ReplicaGroup& group : plan.groups) {
    sequences += group.replicas * group.micro_batches * plan.method.micro_batch;
    std::uint32_t layers = 0;
    for (const PlannedStage& stage : group.stages) {
      CHECK(stage.tensor <= fleet.types[stage.type].accelerator.per_node);
      layers += stage.layers;
      used[stage.type] += group.replicas * stage.tensor;
    }
    CHECK(layers == job.shape.layers);
  }
  CHECK(sequences == job.global_batch);
  for (std::size_t type = 0; type < used.size(); ++type) CHECK(used[type] + plan.idle[type] == 22);
}

TEST_CASE("search: a site joins where its link is worth it") {
  Roomy roomy;
  roomy.job.global_batch = 64;
  const Seconds alone = best_step(roomy.job, roomy.fleet);
  roomy.fleet.sites.push_back({.name = "b", .jurisdiction = "us", .pools = {{0, 4}}});
  roomy.fleet.links = {{0, 1, bits_per_second(1e9), Seconds{0.05}}};
  CHECK(best_step(roomy.job, roomy.fleet) == alone);
  roomy.fleet.links[0].rate = bits_per_second(1e13);
  CHECK(best_step(roomy.job, roomy.fleet) < alone);
  roomy.job.jurisdictions = {"eu"};
  CHECK(best_step(roomy.job, roomy.fleet) == alone);
}

TEST_CASE("search: what cannot be is said in a sentence") {
  Roomy roomy;
  roomy.job.jurisdictions = {"mars"};
  CHECK(why_not(roomy.job, roomy.fleet) ==
        "fleet: no accelerators in mars, where plan.jurisdictions let the job run; "
        "there are some in eu");
  roomy.job.jurisdictions.clear();
  roomy.job.deadline = Seconds{-5};
  CHECK(why_not(roomy.job, roomy.fleet) == "deadline -5 s from now, want one that is to come");
  roomy.job.deadline = Seconds{86400};
  roomy.job.tokens = 1e12;
  CHECK(search(roomy.job, roomy.fleet, calibration)
            ->unmet.starts_with("deadline: 24 h from now, the plan needs "));
  roomy.fleet.links = {{0, 0, bits_per_second(-3e9), Seconds{}}};
  CHECK(why_not(roomy.job, roomy.fleet) == "link a-a: rate -3 Gb/s, want > 0");
  roomy.fleet.links.clear();
  bool some_fits = false;
  for (double memory = 0.5e9; !some_fits; memory *= 1.05) {
    roomy.fleet.types[0].accelerator.memory = Bytes{memory};
    const std::string why = why_not(roomy.job, roomy.fleet);
    some_fits = why.empty();
    if (some_fits) continue;
    CHECK(why.starts_with("model: fits on no devices of the fleet; the best cut lacks "));
    CHECK(why.find("lacks -") == std::string::npos);
  }
}

TEST_CASE("search: odd nodes and heads are used as wide as they are where that is best") {
  const auto widest = [](const Job& job, const Fleet& fleet) {
    const TrainingPlan plan = search(job, fleet, calibration)->plan;
    std::uint32_t most = 0;
    for (const ReplicaGroup& group : plan.groups)
      for (const PlannedStage& stage : group.stages) most = std::max(most, stage.tensor);
    return most;
  };
  Roomy roomy;
  roomy.job.global_batch = 1;  // So that pipelines and replicas gain nothing.
  const auto with = [&](std::uint32_t node, std::uint32_t heads, std::uint32_t keys) {
    roomy.fleet.types[0].accelerator.per_node = node;
    roomy.fleet.sites[0].pools[0].devices = node;
    roomy.job.shape.heads = heads;
    roomy.job.shape.kv_heads = keys;
    return widest(roomy.job, roomy.fleet);
  };
  CHECK(with(8, 25, 25) == 8);
  CHECK(with(7, 32, 32) == 7);
  CHECK(with(6, 96, 96) == 6);
  CHECK(with(3, 96, 96) == 3);
  CHECK(with(12, 32, 8) == 12);
  // One of eight died: four is wider than what divides seven, but for seven itself.
  roomy.fleet.sites[0].pools[0].devices = 6;
  roomy.fleet.types[0].accelerator.per_node = 7;
  roomy.job.shape.heads = roomy.job.shape.kv_heads = 32;
  CHECK(widest(roomy.job, roomy.fleet) == 4);
}

TEST_CASE("search: methods that lost say why") {
  const Roomy roomy;
  const auto found = search(roomy.job, roomy.fleet, calibration);
  REQUIRE(found);
  REQUIRE(!found->others.empty());
  for (const RunnerUp& other : found->others) CHECK(!other.reason.empty());
}
