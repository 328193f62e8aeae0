#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "axs/plan/outer_sync.h"
#include "axs/plan/search_scenes_testing.h"
#include "axs/plan/stage_cost.h"

namespace axs::plan {
namespace {

using scenes::best_step;
using scenes::never;
using scenes::Roomy;

const Calibration calibration = scenes::calibration();

/// Replicas at both of two sites.
std::array<std::uint32_t, 2> replicas_at(const TrainingPlan& plan) {
  std::array<std::uint32_t, 2> replicas{};
  for (const ReplicaGroup& group : plan.groups) replicas[group.site] += group.replicas;
  return replicas;
}

/// Of a plan of two sites that step apart.
void check_memory(const Roomy& two, const TrainingPlan& plan) {
  const auto replicas = replicas_at(plan);
  for (const ReplicaGroup& group : plan.groups)
    for (std::size_t i = 0; i < group.stages.size(); ++i) {
      const PlannedStage& stage = group.stages[i];
      const std::uint32_t own = replicas[group.site];
      const StageCost cost = *StageCost::of(two.job, plan.method, two.fleet.types[0], stage.tensor,
                                            {own, own}, calibration);
      const StagePlace place =
          place_of(i, group.stages.size(), group.micro_batches, group.virtual_stages);
      CHECK(stage.memory == cost.memory(place).at(stage.layers));
      CHECK(stage.memory <= two.fleet.types[0].accelerator.memory);
    }
}

Roomy two_apart(std::uint32_t at_a, std::uint32_t at_b) {
  Roomy two;
  two.fleet.sites[0].pools[0].devices = at_a;
  two.fleet.sites.push_back({.name = "b", .jurisdiction = "eu", .pools = {{0, at_b}}});
  two.fleet.links = {{0, 1, bits_per_second(2e9), Seconds{0.05}}};
  two.job.loss_gap_max = 0.02;
  return two;
}

TEST_CASE("apart search: over a slow link sites join if they may exchange less often") {
  Roomy roomy;
  roomy.job.global_batch = 64;
  const Seconds alone = best_step(roomy.job, roomy.fleet);
  roomy.fleet.sites.push_back({.name = "b", .jurisdiction = "us", .pools = {{0, 4}}});
  roomy.fleet.links = {{0, 1, bits_per_second(2e9), Seconds{0.05}}};
  CHECK(best_step(roomy.job, roomy.fleet) == alone);
  roomy.job.loss_gap_max = 0.02;
  const TrainingPlan plan = search(roomy.job, roomy.fleet, calibration)->plan;
  CHECK(plan.step.total < 0.6 * alone);
  REQUIRE(plan.outer);
  CHECK(plan.outer->period > 1);
  CHECK(plan.loss_gap <= 0.02);
  const Seconds inside = plan.step.replicas + plan.step.fixed;
  const OuterJob outer{parameters(roomy.job.shape), roomy.job.shape.layers, {inside, inside}};
  const auto cost = outer_cost(outer, *plan.outer, {roomy.fleet.links[0].rate, Seconds{0.05}});
  CHECK(plan.step.sites.value() ==
        doctest::Approx(cost->exposed.value() / plan.outer->period).epsilon(1e-9));
}

TEST_CASE(
    "apart search: sites that step apart hold all of the optimiser, each over its own replicas") {
  Roomy two;
  two.job.global_batch = 64;
  two.fleet.sites[0].pools[0].devices = 1;
  two.fleet.sites.push_back({.name = "b", .jurisdiction = "eu", .pools = {{0, 1}}});
  two.fleet.links = {{0, 1, bits_per_second(2e9), Seconds{0.05}}};
  bool fits_together_only = false, fits_alone = false;
  for (double gigabytes = 8; gigabytes < 40; gigabytes += 2) {
    two.fleet.types[0].accelerator.memory = Bytes{gigabytes * 1e9};
    Roomy one = two;
    one.fleet.sites.pop_back();
    one.fleet.links.clear();
    two.job.loss_gap_max.reset();
    const Seconds in_step = best_step(two.job, two.fleet);
    two.job.loss_gap_max = 0.02;
    const auto any = search(two.job, two.fleet, calibration);
    if (!any) continue;
    const bool fits_at_one = best_step(one.job, one.fleet) < never;
    CAPTURE(gigabytes);
    CHECK(any->plan.outer.has_value() == fits_at_one);
    if (!fits_at_one) CHECK(any->plan.step.total == in_step);
    fits_together_only = fits_together_only || !fits_at_one;
    fits_alone = fits_alone || fits_at_one;
  }
  CHECK(fits_together_only);
  CHECK(fits_alone);
}

TEST_CASE(
    "apart search: a plan of sites that step apart has the memory that its sites' replicas need") {
  Roomy two = two_apart(2, 6);
  two.job.global_batch = 64;
  int unequal = 0;
  for (double gigabytes = 8; gigabytes < 40; gigabytes += 2) {
    two.fleet.types[0].accelerator.memory = Bytes{gigabytes * 1e9};
    const auto found = search(two.job, two.fleet, calibration);
    if (!found || !found->plan.outer) continue;
    check_memory(two, found->plan);
    const auto replicas = replicas_at(found->plan);
    if (found->plan.method.sharding != Sharding::none && replicas[0] != replicas[1]) ++unequal;
  }
  CHECK(unequal > 0);
}

TEST_CASE("apart search: of replicas in bundles at sites that step apart some may do less") {
  int divided = 0;
  for (const std::uint32_t devices : {2u, 4u, 7u}) {
    Roomy two = two_apart(devices, 68);
    for (const std::uint32_t batch : {263u, 1319u, 1361u}) {
      two.job.global_batch = batch;
      const auto found = search(two.job, two.fleet, calibration);
      REQUIRE(found);
      if (!found->plan.outer) continue;
      check_memory(two, found->plan);
      const auto replicas = replicas_at(found->plan);
      if (replicas[0] + replicas[1] <= 64) continue;  // Each is a bundle.
      divided += std::ranges::any_of(
          found->plan.groups, [](const ReplicaGroup& group) { return group.replicas % 2 == 1; });
    }
  }
  CHECK(divided > 0);
}

/// Of one stage or two, in all widths and cuts.
std::vector<std::vector<PlannedStage>> pipelines(std::uint32_t layers) {
  std::vector<std::vector<PlannedStage>> all;
  for (const std::uint32_t width : {1u, 2u, 4u}) {
    all.push_back({{0, width, layers, {}}});
    for (std::uint32_t first = 1; first < layers; ++first)
      all.push_back({{0, width, first, {}}, {0, width, layers - first, {}}});
  }
  return all;
}

/// Any number of replicas at a site, all alike.
std::vector<ReplicaGroup> alike_at(std::uint32_t site, std::uint32_t devices,
                                   std::uint32_t layers) {
  std::vector<ReplicaGroup> all;
  for (const auto& stages : pipelines(layers))
    for (std::uint32_t n = 1; n * stages.size() * stages[0].tensor <= devices; ++n)
      all.push_back({.site = site, .replicas = n, .stages = stages});
  return all;
}

/// As the model prices them, if all replicas of a site are alike.
Seconds best_of_all_alike(const Search& search, const Method& method) {
  Seconds best = never;
  std::vector<std::vector<ReplicaGroup>> at;
  for (std::uint32_t site = 0; site < 2; ++site)
    at.push_back(alike_at(site, search.devices()[site][0], search.job().shape.layers));
  const auto take = [&](const std::vector<ReplicaGroup>& replicas) {
    if (const auto plan = search.shared_anew(method, replicas))
      best = std::min(best, plan->step.total);
  };
  for (const ReplicaGroup& a : at[0])
    for (const ReplicaGroup& b : at[1]) take({a, b});
  for (const auto& alone : at)
    for (const ReplicaGroup& one : alone) take({one});
  return best;
}

TEST_CASE("apart search: of two sites whose replicas are alike none are better") {
  int apart = 0;
  for (const auto& [at_a, at_b, batch] :
       {std::array{9u, 7u, 16u}, {11u, 5u, 32u}, {13u, 4u, 17u}, {10u, 9u, 38u}}) {
    Roomy two = two_apart(at_a, at_b);
    two.job.shape.layers = 2;
    two.job.global_batch = batch;
    const Search search = *Search::of(two.job, two.fleet, calibration);
    const TrainingPlan found = plan::search(two.job, two.fleet, calibration)->plan;
    CAPTURE(at_a);
    for (const Method& method : search.methods())
      if (method.sharding == Sharding::none || method.sharding == Sharding::optimizer)
        CHECK(found.step.total <= best_of_all_alike(search, method) * (1 + 1e-9));
    apart += found.outer ? 1 : 0;
  }
  CHECK(apart >= 3);
}

TEST_CASE("apart search: as many replicas as micro-batches at each site, however odd the numbers") {
  int as_by_hand = 0;
  for (const auto& [at_a, at_b] :
       {std::array{114u, 114u}, {130u, 78u}, {342u, 118u}, {1022u, 1000u}}) {
    Roomy two = two_apart(at_a, at_b);
    two.job.shape.layers = 42;
    two.job.global_batch = at_a + at_b;
    two.fleet.types = {scenes::device("chip", 900, 80, 8)};
    const Search search = *Search::of(two.job, two.fleet, calibration);
    const auto by_hand = search.shared_anew(
        {.micro_batch = 2, .sharding = Sharding::optimizer},
        {{.site = 0, .replicas = at_a / 2, .stages = {{.type = 0, .tensor = 2, .layers = 42}}},
         {.site = 1, .replicas = at_b / 2, .stages = {{.type = 0, .tensor = 2, .layers = 42}}}});
    REQUIRE(by_hand);
    REQUIRE(by_hand->outer);
    const TrainingPlan found = plan::search(two.job, two.fleet, calibration)->plan;
    CAPTURE(at_a);
    CHECK(found.step.total <= by_hand->step.total * (1 + 1e-9));
    as_by_hand += replicas_at(found) == std::array{at_a / 2, at_b / 2} ? 1 : 0;
  }
  CHECK(as_by_hand > 0);
}

/// Many devices at sites that may exchange seldom, and a batch of any size.
Roomy some_apart(Rng& rng) {
  Roomy some;
  some.job = scenes::small_job(rng);
  some.job.loss_gap_max = 0.02;
  some.job.global_batch = static_cast<std::uint32_t>(20 + rng.below(300));
  const auto devices = static_cast<std::uint32_t>(12 + rng.below(250));
  const auto types = static_cast<std::uint32_t>(1 + rng.below(2));
  some.fleet = scenes::large_fleet(devices, types, static_cast<std::uint32_t>(2 + rng.below(2)));
  return some;
}

TEST_CASE("apart search: added devices, sites and links never make a plan worse") {
  int apart = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    Rng rng{seed};
    Roomy some = some_apart(rng);
    if (seed % 2 == 0) scenes::make_odd(rng, some.job, some.fleet);
    Seconds before = best_step(some.job, some.fleet);
    for (int i = 0; i < 3; ++i) {
      scenes::grow(rng, some.fleet);
      const auto after = search(some.job, some.fleet, calibration);
      REQUIRE(after);
      CAPTURE(seed);
      CHECK(after->plan.step.total <= before * (1 + 1e-9));
      before = after->plan.step.total;
      apart += after->plan.outer ? 1 : 0;
    }
  }
  CHECK(apart > 10);
}

TEST_CASE("apart search: what is known before does not change what a unit finds") {
  int found_in = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Rng rng{seed};
    Roomy some = some_apart(rng);
    if (seed % 2 == 1) scenes::make_odd(rng, some.job, some.fleet);
    const Search search = *Search::of(some.job, some.fleet, calibration);
    for (std::size_t unit = 0; unit < search.units(); unit += 1 + rng.below(4)) {
      const auto free = search.run(unit, no_limit);
      if (!free || !free->plan.outer) continue;
      const Seconds step = free->plan.step.total;
      CAPTURE(unit);
      for (const double more : {1.0, 1.0001, 1.1, 3.0}) {
        const auto bound = search.run(unit, more * step);
        REQUIRE(bound);
        CHECK(bound->plan == free->plan);
      }
      CHECK_FALSE(search.run(unit, 0.999999 * step));
      ++found_in;
    }
  }
  CHECK(found_in > 20);
}

}  // namespace
}  // namespace axs::plan
