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
      const StagePlace place = place_of(i, group.stages.size(), group.micro_batches);
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

}  // namespace
}  // namespace axs::plan
