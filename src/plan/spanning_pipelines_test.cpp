#include "axs/plan/spanning_pipelines.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/plan/breakdown.h"
#include "axs/plan/frugal_search.h"
#include "axs/plan/plan_cost.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/search_exhaustive_testing.h"
#include "axs/plan/search_scenes_testing.h"

using namespace axs;
using namespace axs::plan;

namespace {

const Calibration calibration = scenes::calibration();
constexpr Seconds never{1e30};

/// Sites with two devices each, for which the model is too large if they have little memory.
struct Consortium {
  Job job;
  Fleet fleet;

  explicit Consortium(std::uint32_t sites = 2, std::uint32_t batch = 8) {
    Rng rng{1};
    job = scenes::small_job(rng);
    job.shape.layers = 4;
    job.global_batch = batch;
    fleet.types = {scenes::device("chip", 400, 10, 1)};
    for (std::uint32_t site = 0; site < sites; ++site) {
      fleet.sites.push_back({.name = std::string(1, static_cast<char>('a' + site)),
                             .jurisdiction = site == 1 ? "us" : "eu",
                             .pools = {{0, 2}}});
      for (std::uint32_t to = 0; to < site; ++to)
        fleet.links.push_back({to, site, bits_per_second(10e9), Seconds{0.02}});
    }
  }

  Seconds step() const {
    const auto found = search(job, fleet, calibration);
    return found ? found->plan.step.total : never;
  }
  /// With memory for whole, and ever less, models.
  template <class Look>
  void with_less_memory(const Look& look) {
    for (const double gigabytes : {14.0, 12.0, 11.0, 10.0, 9.0, 8.0}) {
      CAPTURE(gigabytes);
      fleet.types[0].accelerator.memory = Bytes{gigabytes * 1e9};
      look();
    }
  }
};

/// At two or three sites, with little memory.
Fleet scattered_fleet(Rng& rng) {
  Fleet fleet = scenes::small_fleet(rng);
  scenes::scatter(rng, fleet);
  for (DeviceType& type : fleet.types)
    type.accelerator.memory = Bytes{(8 + 12 * rng.uniform()) * 1e9};
  return fleet;
}

/// The plan that takes least, and the fastest.
std::optional<std::pair<double, TrainingPlan>> least_of(const Job& job, const Fleet& fleet,
                                                        Thrift thrift) {
  const auto fastest = search(job, fleet, calibration);
  if (!fastest) return std::nullopt;
  const Search all = *Search::of(job, fleet, calibration);
  const auto found =
      FrugalSearch{all}.best(thrift, {}, {fastest->plan}, [](double) { return true; });
  REQUIRE(found);
  return std::pair{step_score(*found, thrift, job), fastest->plan};
}

/// The best plan, if it is one across links and there is none without.
std::optional<TrainingPlan> only_across(const Consortium& scene) {
  Fleet apart = scene.fleet;
  apart.links.clear();
  if (search(scene.job, apart, calibration)) return std::nullopt;
  const auto found = search(scene.job, scene.fleet, calibration);
  if (!found || !spans_sites(found->plan)) return std::nullopt;
  return found->plan;
}

}  // namespace

TEST_CASE("spanning: what fits at no site is a pipeline over two or three") {
  for (const std::uint32_t sites : {2u, 3u}) {
    Consortium scene{sites};
    std::size_t found = 0;
    scene.with_less_memory([&] {
      const auto plan = only_across(scene);
      if (!plan) return;
      ++found;
      std::uint32_t sequences = 0;
      for (const ReplicaGroup& group : plan->groups) {
        sequences += group.replicas * group.micro_batches * plan->method.micro_batch;
        CHECK(group.crossings == plan->groups[0].crossings);
        CHECK(!group.crossings.empty());
        std::uint32_t layers = 0;
        for (const PlannedStage& stage : group.stages) {
          layers += stage.layers;
          CHECK(stage.memory <= scene.fleet.types[0].accelerator.memory);
        }
        CHECK(layers == scene.job.shape.layers);
      }
      CHECK(sequences == scene.job.global_batch);
      for (std::uint32_t site = 0; site < sites; ++site) {
        std::uint64_t used = 0;
        for (const ReplicaGroup& group : plan->groups)
          used += devices_at(plan->method, group, site);
        CHECK(used <= 2);
      }
      CHECK(devices_of(*plan) + plan->idle[0] == 2 * sites);
      CHECK(plan->step.sites == Seconds{});
    });
    CAPTURE(sites);
    CHECK(found > 0);
  }
}

TEST_CASE("spanning: the parts of the breakdown add up to the plan's step") {
  Consortium scene{3};
  std::size_t found = 0;
  scene.with_less_memory([&] {
    const auto plan = only_across(scene);
    if (!plan) return;
    ++found;
    const auto broken = breakdown(scene.job, scene.fleet, *plan, calibration);
    REQUIRE(broken);
    bool waits = false;
    for (const GroupBreakdown& group : broken->groups)
      for (const StageBreakdown& stage : group.stages) {
        Seconds sum{};
        for (const PartCost& part : stage.parts) sum += part.time;
        CHECK(sum.value() == doctest::Approx(plan->step.total.value()).epsilon(1e-9));
        waits = waits || stage[StepPart::link_transfers].time > Seconds{};
        const bool sends = stage[StepPart::link_transfers].sent > Bytes{};
        CHECK(sends == (stage[StepPart::link_transfers].time > Seconds{}));
      }
    CHECK(waits);
    CHECK(broken->energy.value() * steps(scene.job) ==
          doctest::Approx(plan->cost.energy.value()).epsilon(1e-9));
  });
  CHECK(found > 0);
}

TEST_CASE("spanning: a slower or farther link never makes a step shorter") {
  Consortium scene;
  std::size_t found = 0;
  scene.with_less_memory([&] {
    if (!only_across(scene)) return;
    ++found;
    Seconds before{};
    for (const double gigabits : {1000.0, 100.0, 10.0, 1.0, 0.1}) {
      scene.fleet.links[0].rate = bits_per_second(gigabits * 1e9);
      const Seconds step = scene.step();
      CAPTURE(gigabits);
      CHECK(step > before);
      scene.fleet.links[0].round_trip = Seconds{0.2};
      CHECK(scene.step() > step);
      scene.fleet.links[0].round_trip = Seconds{0.02};
      before = step;
    }
  });
  CHECK(found > 0);
}

TEST_CASE("spanning: the slowest spell counts, and in each there must be a link") {
  Consortium scene{2, 1};  // One sequence: no replicas side by side.
  REQUIRE(only_across(scene));
  scene.fleet.links[0].rate = bits_per_second(1e9);
  const Seconds slow = scene.step();
  scene.fleet.spells = {Seconds{60}, Seconds{3600}};
  scene.fleet.links.push_back({1, 0, bits_per_second(100e9), Seconds{0.02}, 1});
  CHECK(scene.step() == slow);
  scene.fleet.links.push_back({0, 1, bits_per_second(100e9), Seconds{0.02}, 0});
  CHECK(scene.step() < slow);
  scene.fleet.links.erase(scene.fleet.links.begin() + 1);
  CHECK(scene.step() == never);
}

TEST_CASE("spanning: jurisdictions keep pipelines from sites") {
  Consortium scene{2, 1};  // One sequence: no replicas side by side.
  REQUIRE(only_across(scene));
  scene.job.jurisdictions = {"eu", "us"};
  CHECK(scene.step() < never);
  scene.job.jurisdictions = {"eu"};
  CHECK(scene.step() == never);
}

TEST_CASE("spanning: replicas share a link, each direction by itself") {
  const SiteWay way{BytesPerSecond{1e9}, Seconds{0.1}};
  CHECK(each_waits(way, Bytes{1e8}, 1).value() == doctest::Approx(0.15));
  CHECK(each_waits(way, Bytes{1e8}, 3).value() == doctest::Approx(0.35));
}

TEST_CASE("spanning: no pipeline of 1F1B is slower than planned over its links") {
  // Two stages, and the link between them as one that has nothing to compute: a stage has as many
  // micro-batches on their way as stages follow, so that here it has one more.
  for (const double link : {0.0, 0.1, 1.0, 5.0}) {
    const Seconds way{link}, forward{1}, backward{2};
    const std::uint32_t micro_batches = 12;
    // Of each micro-batch: when it is back at the first stage.
    std::vector<Seconds> first_free(micro_batches + 1), back(micro_batches);
    Seconds first{}, second{};
    std::vector<Seconds> there(micro_batches);
    std::uint32_t sent = 0;
    for (std::uint32_t done = 0; done < micro_batches; ++done) {
      for (; sent < std::min(done + 2, micro_batches); ++sent) {
        first += forward;
        there[sent] = first + way;
      }
      second = std::max(second, there[done]) + forward + backward;
      first = std::max(first, second + way) + backward;
      back[done] = first;
    }
    const Seconds each = forward + backward + way;  // Half of what goes there and back, twice.
    const Seconds planned = 2 * each + (micro_batches - 1.0) * each;
    CAPTURE(link);
    CHECK(back.back() <= planned * (1 + 1e-12));
    CHECK(back.back().value() > 0.6 * planned.value());
  }
}

TEST_CASE("spanning: money, energy and power are those of the site of each stage") {
  Consortium scene{2, 1};  // One sequence: no replicas side by side.
  for (FleetSite& site : scene.fleet.sites) {
    site.supply.carbon = 1e-7;
    site.pools[0].price = DollarsPerSecond{1e-3};
  }
  const auto plan = only_across(scene);
  REQUIRE(plan);
  REQUIRE(plan->cost.carbon);
  REQUIRE(plan->cost.money);
  CHECK(*plan->cost.carbon == doctest::Approx(1e-7 * plan->cost.energy.value()));
  CHECK(plan->cost.money->value() ==
        doctest::Approx(1e-3 * static_cast<double>(devices_of(*plan)) * plan->duration.value()));
  // Twice as much of both at one of them is not twice as much of all.
  scene.fleet.sites[1].supply.carbon = 2e-7;
  scene.fleet.sites[1].supply.pue *= 2;
  const auto dirty = only_across(scene);
  REQUIRE(dirty);
  CHECK(dirty->step == plan->step);
  CHECK(*dirty->cost.carbon > 1.2 * *plan->cost.carbon);
  CHECK(*dirty->cost.carbon < 3.9 * *plan->cost.carbon);
  const std::vector<Watts> before = site_power(*plan, scene.fleet);
  CHECK(before[0] > Watts{});
  CHECK(before[1] > Watts{});
  CHECK((before[0] + before[1]).value() == doctest::Approx(dirty->cost.power.value()));
}

TEST_CASE("spanning: added devices and sites never make a plan worse, nor does it beat all plans") {
  std::size_t across = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    Rng rng{seed};
    Job job = scenes::small_job(rng);
    Fleet fleet = scattered_fleet(rng);
    CAPTURE(seed);
    const auto found = search(job, fleet, calibration);
    const Seconds step = found ? found->plan.step.total : never;
    across += found && spans_sites(found->plan);
    const Seconds best = Exhaustive{job, fleet, calibration}.step();
    const bool is_none = best > Seconds{1e20};
    CHECK(is_none == !found);
    CHECK((is_none || step >= best * (1 - 1e-9)));
    CHECK((is_none || step <= best * 1.01));
    scenes::grow(rng, fleet);
    const auto grown = search(job, fleet, calibration);
    CHECK((grown ? grown->plan.step.total : never) <= step * (1 + 1e-9));
  }
  CHECK(across > 5);
}

TEST_CASE("spanning: no part of a fleet has a thriftier plan, so added devices make none dearer") {
  constexpr double almost = 1 + 2 * FrugalChoice::close_enough;
  std::size_t across = 0, thriftier = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Rng rng{seed};
    const Job job = scenes::small_job(rng);
    Fleet fleet = scattered_fleet(rng);
    scenes::price(rng, fleet);
    const Thrift thrift =
        std::array{Thrift::money, Thrift::energy, Thrift::carbon, Thrift::power}[rng.below(4)];
    CAPTURE(seed);
    const auto whole = least_of(job, fleet, thrift);
    if (!whole) continue;
    const auto& [least, fastest] = *whole;
    across += spans_sites(fastest);
    thriftier += spans_sites(fastest) && least * almost < step_score(fastest, thrift, job);
    for (FleetSite& site : fleet.sites)
      for (Pool& pool : site.pools) {
        const std::uint32_t devices = std::exchange(pool.devices, 0);
        if (const auto part = search(job, fleet, calibration))
          CHECK(least <= almost * step_score(part->plan, thrift, job));
        pool.devices = devices;
      }
    scenes::grow(rng, fleet);
    scenes::price(rng, fleet);
    const auto grown = least_of(job, fleet, thrift);
    REQUIRE(grown);
    CHECK(grown->first <= almost * least);
  }
  CHECK(across > 5);
  CHECK(thriftier > 1);
}
