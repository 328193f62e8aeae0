#include <doctest/doctest.h>

#include <algorithm>

#include "axs/plan/frugal_search.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/search_scenes_testing.h"

using namespace axs;
using namespace axs::plan;
using scenes::best_step;
using scenes::never;

/// More than 64 replicas.
namespace {

const Calibration calibration = scenes::calibration();

/// So many devices of one type at one site, and as many sequences as they say.
struct OnePool {
  Job job;
  Fleet fleet;

  OnePool(std::uint32_t devices, std::uint32_t sequences, std::uint32_t layers, double gigabytes) {
    Rng rng{1};
    job = scenes::small_job(rng);
    job.shape.layers = layers;
    job.global_batch = sequences;
    fleet.types = {scenes::device("chip", 900, gigabytes, 8)};
    fleet.sites.push_back({.name = "a", .jurisdiction = "", .pools = {{0, devices}}});
  }
};

/// With all ways to give each of the stages that are left some of the layers.
template <class Take>
void for_all_cuts(std::vector<PlannedStage>& stages, std::size_t next, std::uint32_t layers,
                  const Take& take) {
  if (next + 1 == stages.size()) {
    stages[next].layers = layers;
    return take();
  }
  for (std::uint32_t some = 1; some < layers; ++some) {
    stages[next].layers = some;
    for_all_cuts(stages, next + 1, layers - some, take);
  }
}

/// The best step of replicas that are alike, more than 64 of them: every number of these, every
/// width, number of stages and cut, as the model prices it.
Seconds best_of_all_alike(const Search& search, std::uint32_t devices) {
  Seconds best = never;
  for (const Method& method : search.methods())
    for (std::uint32_t replicas = 65; replicas <= devices; ++replicas)
      for (const std::uint32_t width : {1u, 2u, 4u, 8u})
        for (std::uint32_t count = 1; count <= search.job().shape.layers; ++count) {
          if (replicas * width * count * method.context > devices) break;
          if (count > 1 && is_of_one_stage(method)) break;
          std::vector<PlannedStage> stages(count, {.type = 0, .tensor = width});
          for_all_cuts(stages, 0, search.job().shape.layers, [&] {
            const auto plan =
                search.shared_anew(method, {{.site = 0, .replicas = replicas, .stages = stages}});
            if (plan) best = std::min(best, plan->step.total);
          });
        }
  return best;
}

bool is_of_many_alike(const TrainingPlan& plan) {
  return replicas_of(plan.groups) > 64 &&
         std::ranges::all_of(plan.groups, [&](const ReplicaGroup& group) {
           return group.stages == plan.groups[0].stages;
         });
}

/// The best plan of so many devices for as many sequences, and one with a replica on each two.
struct WithTwoEach {
  TrainingPlan by_hand, found;

  WithTwoEach(std::uint32_t devices, std::uint32_t layers) {
    const OnePool scene{devices, devices, layers, 80};
    const auto given =
        Search::of(scene.job, scene.fleet, calibration)
            ->shared_anew({.micro_batch = 2, .sharding = Sharding::optimizer},
                          {{.site = 0,
                            .replicas = devices / 2,
                            .stages = {{.type = 0, .tensor = 2, .layers = layers}}}});
    REQUIRE(given);
    by_hand = *given;
    found = plan::search(scene.job, scene.fleet, calibration)->plan;
  }
};

}  // namespace

TEST_CASE("search: of more than 64 replicas that are alike none are better") {
  int many = 0;
  for (const auto& scene :
       {OnePool{134, 67, 2, 80}, OnePool{141, 141, 2, 80}, OnePool{95, 190, 2, 80},
        OnePool{137, 137, 3, 20}, OnePool{151, 75, 3, 24}}) {
    const std::uint32_t devices = scene.fleet.sites[0].pools[0].devices;
    const Search search = *Search::of(scene.job, scene.fleet, calibration);
    const Seconds best = best_of_all_alike(search, devices);
    const TrainingPlan found = plan::search(scene.job, scene.fleet, calibration)->plan;
    CAPTURE(devices);
    CHECK(found.step.total <= best * (1 + 1e-9));
    if (!is_of_many_alike(found)) continue;
    CHECK(found.step.total >= best * (1 - 1e-9));
    ++many;
  }
  CHECK(many >= 3);
}

TEST_CASE("search: as many replicas as there are micro-batches, however odd their number is") {
  for (const std::uint32_t devices : {254u, 340u, 342u, 510u, 1022u}) {
    const WithTwoEach scene{devices, 43};  // No stages have equal chunks of so many layers.
    CAPTURE(devices);
    CHECK(scene.found.step.total <= scene.by_hand.step.total * (1 + 1e-9));
    CHECK(replicas_of(scene.found.groups) == devices / 2);
  }
}

TEST_CASE("search: as many replicas as have equal work, however odd their number is") {
  for (const std::uint32_t devices : {130u, 254u, 340u, 342u, 510u, 1022u}) {
    const WithTwoEach scene{devices, 42};
    const TrainingPlan& found = scene.found;
    CAPTURE(devices);
    CHECK(found.step.total <= scene.by_hand.step.total * (1 + 1e-9));
    // Interleaved ones are better with two or three stages, and fewer of them.
    CHECK(found.groups[0].virtual_stages > 1);
    CHECK(found.groups.size() == 1);
    CHECK(replicas_of(found.groups) > 64);
  }
}

TEST_CASE("search: added devices never make plans of many replicas worse") {
  int many = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Rng rng{seed};
    Job job = scenes::small_job(rng);
    job.global_batch = static_cast<std::uint32_t>(61 + 2 * rng.below(170));
    const auto devices = static_cast<std::uint32_t>(60 + rng.below(340));
    const auto types = static_cast<std::uint32_t>(1 + rng.below(2));
    const auto sites = static_cast<std::uint32_t>(1 + rng.below(2));
    Fleet fleet = scenes::large_fleet(devices, types, sites);
    if (seed % 4 == 0) scenes::make_odd(rng, job, fleet);
    Seconds before = best_step(job, fleet);
    for (int i = 0; i < 3; ++i) {
      scenes::grow(rng, fleet);
      const auto after = search(job, fleet, calibration);
      REQUIRE(after);
      CAPTURE(seed);
      CHECK(after->plan.step.total <= before * (1 + 1e-9));
      before = after->plan.step.total;
      many += replicas_of(after->plan.groups) > 64 ? 1 : 0;
    }
  }
  CHECK(many > 15);
}

TEST_CASE("search: units of many replicas may be run in any order") {
  const OnePool scene{137, 137, 2, 80};
  const Search search = *Search::of(scene.job, scene.fleet, calibration);
  SearchSummary backwards{search};
  for (std::size_t unit = search.units(); unit-- > 0;)
    if (auto found = search.run(unit, backwards.at_most())) backwards.take(*std::move(found));
  CHECK(*backwards.result() == *plan::search(scene.job, scene.fleet, calibration));
}

TEST_CASE("search: the thriftiest plan within a time may have any number of replicas") {
  const OnePool scene{134, 134, 2, 80};
  const Search search = *Search::of(scene.job, scene.fleet, calibration);
  const TrainingPlan fastest = plan::search(scene.job, scene.fleet, calibration)->plan;
  CHECK(replicas_of(fastest.groups) == 67);
  const auto found = FrugalSearch{search}.best(
      Thrift::energy, {.duration = 1.000001 * fastest.duration}, {}, [](double) { return true; });
  REQUIRE(found);
  CHECK(replicas_of(found->groups) == 67);
  CHECK(found->cost.energy <= fastest.cost.energy * (1 + FrugalChoice::close_enough));
}
