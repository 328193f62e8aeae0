#include "axs/plan/frugal_search.h"

#include <doctest/doctest.h>

#include <array>

#include "axs/plan/plan_devices.h"
#include "axs/plan/search_scenes_testing.h"

namespace axs::plan {
namespace {

using scenes::Roomy;

const Calibration calibration = scenes::calibration();
const FrugalSearch::Watch patient = [](double) { return true; };
constexpr double almost = 1 + 2 * FrugalChoice::close_enough;
constexpr std::array thrifts{Thrift::money, Thrift::energy, Thrift::carbon};

/// Sites that may exchange seldom, with prices, and a batch of any size.
Roomy priced_apart(Rng& rng, std::uint32_t devices) {
  Roomy some;
  some.job = scenes::small_job(rng);
  some.job.loss_gap_max = 0.02;
  some.job.global_batch = static_cast<std::uint32_t>(20 + rng.below(300));
  const auto types = static_cast<std::uint32_t>(1 + rng.below(2));
  some.fleet = scenes::large_fleet(devices, types, static_cast<std::uint32_t>(2 + rng.below(2)));
  // A rest, so that sites are not alike.
  for (FleetSite& site : some.fleet.sites)
    site.pools[0].devices += static_cast<std::uint32_t>(rng.below(9));
  scenes::price(rng, some.fleet);
  return some;
}

/// Of a step of the plan that takes least within a deadline.
double least(const Roomy& some, Thrift thrift, Seconds deadline) {
  const Search search = *Search::of(some.job, some.fleet, calibration);
  const FrugalSearch frugal{search};
  const TrainingPlan fastest = plan::search(some.job, some.fleet, calibration)->plan;
  const auto found = frugal.best(thrift, {.duration = deadline}, {fastest}, patient);
  REQUIRE(found);
  CHECK(found->duration <= deadline);
  return step_score(*found, thrift, some.job);
}

TEST_CASE("frugal search: added devices and sites never make a plan take more, whatever counts") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    Roomy some = priced_apart(rng, static_cast<std::uint32_t>(12 + rng.below(40)));
    if (seed % 3 == 0) scenes::make_odd(rng, some.job, some.fleet);
    const Thrift thrift = thrifts[seed % 3];
    const TrainingPlan fastest = plan::search(some.job, some.fleet, calibration)->plan;
    const Seconds deadline = (1 + 0.1 * rng.uniform()) * fastest.duration;
    double before = least(some, thrift, deadline);
    for (int i = 0; i < 2; ++i) {
      scenes::grow(rng, some.fleet);
      scenes::price(rng, some.fleet);
      const double after = least(some, thrift, deadline);
      CHECK(after <= almost * before);
      before = after;
    }
  }
}

/// Joined to all that are there.
void add_site(Fleet& fleet, std::uint32_t devices, double dollars_per_hour, double grams_per_kwh) {
  const auto added = static_cast<std::uint32_t>(fleet.sites.size());
  for (std::uint32_t site = 0; site < added; ++site)
    fleet.links.push_back({site, added, bits_per_second(1e10), Seconds{0.05}});
  fleet.sites.push_back({.name = std::to_string(added), .jurisdiction = "", .pools = {}});
  fleet.sites.back().pools = {{0, devices, Dollars{dollars_per_hour} / Seconds{3600}}};
  fleet.sites.back().supply.carbon = grams_per_kwh / 3.6e9;
}

TEST_CASE(
    "frugal search: a dearer site does not make two others dearer, however odd their numbers") {
  Roomy some;
  some.job.shape.layers = 8;
  some.job.global_batch = 38;
  some.job.loss_gap_max = 0.02;
  some.fleet.types = {scenes::device("chip", 900, 80, 8)};
  some.fleet.sites.clear();
  add_site(some.fleet, 41, 2, 50);
  add_site(some.fleet, 38, 3, 300);
  Roomy more = some;
  add_site(more.fleet, 38, 4, 700);
  const TrainingPlan fastest = plan::search(some.job, some.fleet, calibration)->plan;
  REQUIRE(fastest.outer);
  for (const Thrift thrift : thrifts)
    for (const double slower : {1.0001, 1.02}) {
      CAPTURE(slower);
      const Seconds deadline = slower * fastest.duration;
      CHECK(least(more, thrift, deadline) <= almost * least(some, thrift, deadline));
    }
}

/// Two sites of a few devices of two types, each with its own prices of devices and energy.
Roomy two_priced(Rng& rng) {
  Roomy two;
  two.job.global_batch = static_cast<std::uint32_t>(4 + rng.below(30));
  two.fleet.types = {scenes::device("chip", 400, 80, 4), scenes::device("chip", 200, 60, 4)};
  two.fleet.sites.clear();
  for (std::uint32_t site = 0; site < 2; ++site) {
    two.fleet.sites.push_back({.name = std::to_string(site), .jurisdiction = "", .pools = {}});
    for (std::uint32_t type = 0; type < 2; ++type)
      two.fleet.sites[site].pools.push_back({type, static_cast<std::uint32_t>(1 + rng.below(4)),
                                             Dollars{0.05 * rng.uniform()} / Seconds{3600}});
    two.fleet.sites[site].supply.carbon = 1e-7 * (0.2 + rng.uniform());
    two.fleet.sites[site].supply.price = DollarsPerJoule{rng.uniform() * 1e-7};
  }
  two.fleet.links = {{0, 1, bits_per_second(1e11), Seconds{0.001}}};
  return two;
}

TEST_CASE("frugal search: work that costs more at one site than at another, within a budget") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const Roomy two = two_priced(rng);
    const auto fastest = plan::search(two.job, two.fleet, calibration);
    if (!fastest) continue;
    const Search search = *Search::of(two.job, two.fleet, calibration);
    const FrugalSearch frugal{search};
    ThriftLimits limits{.duration = (1.02 + 0.5 * rng.uniform()) * fastest->plan.duration};
    const auto cheapest = frugal.best(Thrift::money, limits, {fastest->plan}, patient);
    REQUIRE(cheapest);
    CHECK(cheapest->cost.money <= fastest->plan.cost.money);
    limits.money = 1.0005 * *cheapest->cost.money;
    // The cheapest plan is one of these.
    const auto cleanest = frugal.best(Thrift::carbon, limits, {}, patient);
    REQUIRE(cleanest);
    CHECK(is_within(*cleanest, limits, search.fleet()));
    CHECK(*cleanest->cost.carbon <= almost * *cheapest->cost.carbon);
    ++compared;
  }
  CHECK(compared > 10);
}

TEST_CASE("frugal search: where the kinds of each number are far slower than those of a range") {
  int compared = 0;
  for (std::uint64_t seed = 50; seed < 66; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    Roomy some;
    some.job.global_batch = static_cast<std::uint32_t>(4 + rng.below(60));
    some.job.loss_gap_max = 0.02;
    const double tflops = 200 + 400 * rng.uniform();
    DeviceType type = scenes::device("chip", tflops, 8 + 6 * rng.uniform(), 1);
    type.network.node_rate = BytesPerSecond{1e9 * (0.05 + 3 * rng.uniform())};
    some.fleet.types = {type};
    some.fleet.sites.clear();
    for (int site = 0; site < 2; ++site) {
      const auto devices = static_cast<std::uint32_t>(2 + rng.below(20));
      const double price = 1 + 3 * rng.uniform();
      add_site(some.fleet, devices, price, 100 + 500 * rng.uniform());
    }
    some.fleet.links[0].rate = bits_per_second(1e8);
    const auto fastest = plan::search(some.job, some.fleet, calibration);
    if (!fastest) continue;
    const Search search = *Search::of(some.job, some.fleet, calibration);
    const FrugalSearch frugal{search};
    const ThriftLimits limits{.duration = (1 + rng.uniform()) * fastest->plan.duration};
    const auto found = frugal.best(Thrift::carbon, limits, {}, patient);
    REQUIRE(found);
    CHECK(*found->cost.carbon <= almost * *fastest->plan.cost.carbon);
    ++compared;
  }
  CHECK(compared > 5);
}

/// The shortest duration of a plan within the limits, by the fastest plans of all parts of a fleet:
/// one with fewer devices is the fastest of a smaller part. Pipelines across sites are looked at
/// for time alone.
Seconds fastest_of_parts(const Roomy& whole, const FrugalSearch& frugal, const ThriftLimits& limits,
                         std::size_t pool, Roomy part) {
  Seconds best = scenes::never;
  const std::size_t of_site = whole.fleet.sites[0].pools.size();
  if (pool == of_site * whole.fleet.sites.size()) {
    const auto fastest = plan::search(part.job, part.fleet, calibration);
    const bool counts = fastest && is_within(fastest->plan, limits, frugal.fleet());
    return counts ? fastest->plan.duration : best;
  }
  std::uint32_t& devices = part.fleet.sites[pool / of_site].pools[pool % of_site].devices;
  const std::uint32_t all = devices;
  for (devices = 0; devices <= all; ++devices)
    best = std::min(best, fastest_of_parts(whole, frugal, limits, pool + 1, part));
  return best;
}

TEST_CASE("frugal search: no part of the fleet that keeps to a power has a faster plan") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    Roomy two = two_priced(rng);
    for (FleetSite& site : two.fleet.sites)
      for (Pool& pool : site.pools) pool.devices = std::min(pool.devices, 3u);
    if (rng.chance(0.5)) two.job.loss_gap_max = 0.02;
    const auto fastest = plan::search(two.job, two.fleet, calibration);
    REQUIRE(fastest);
    const double share = 0.1 + 0.6 * rng.uniform();
    const ThriftLimits limits{.power = share * fastest->plan.cost.power};
    if (rng.chance(0.5)) two.fleet.sites[0].supply.limit = 0.5 * limits.power;
    const Search search = *Search::of(two.job, two.fleet, calibration);
    const FrugalSearch frugal{search};
    const Seconds best = fastest_of_parts(two, frugal, limits, 0, two);
    if (best >= scenes::never) continue;
    const auto found = frugal.fastest(Thrift::power, limits, {}, fastest->plan.duration, patient);
    REQUIRE(found);
    CHECK(is_within(*found, limits, search.fleet()));
    CHECK(found->duration <= almost * best);
    ++compared;
  }
  CHECK(compared > 4);
}

/// The last trial first: what it says counts only if no other one says yes.
std::size_t first_from_behind(std::size_t count, const Trial& trial) {
  std::size_t first = count;
  for (std::size_t number = count; number-- > 0;)
    if (trial(number, [] { return false; })) first = number;
  return first;
}
/// All but the first are told at once that nobody needs them.
std::size_t first_alone(std::size_t count, const Trial& trial) {
  std::size_t first = 0;
  while (first < count && !trial(first, [] { return false; })) ++first;
  for (std::size_t number = first + 1; number < count; ++number) trial(number, [] { return true; });
  return first;
}

TEST_CASE("frugal search: what it finds does not depend on the order of what it looks at") {
  int better = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const Roomy some = priced_apart(rng, static_cast<std::uint32_t>(12 + rng.below(40)));
    const Search search = *Search::of(some.job, some.fleet, calibration);
    const TrainingPlan fastest = plan::search(some.job, some.fleet, calibration)->plan;
    const auto least_by = [&](const FirstOf& first_of) {
      return FrugalSearch{search, first_of}.best(Thrift::money, {}, {fastest}, patient);
    };
    const auto found = least_by(first_in_turn);
    REQUIRE(found);
    CHECK(least_by(first_from_behind) == found);
    CHECK(least_by(first_alone) == found);
    const ThriftLimits limits{.money = 0.5 * (*found->cost.money + *fastest.cost.money)};
    const auto fast_by = [&](const FirstOf& first_of) {
      return FrugalSearch{search, first_of}.fastest(Thrift::money, limits, {}, fastest.duration,
                                                    patient);
    };
    const auto fast = fast_by(first_in_turn);
    REQUIRE(fast);
    CHECK(fast_by(first_from_behind) == fast);
    better += *found->cost.money < *fastest.cost.money ? 1 : 0;
  }
  CHECK(better > 0);
}

TEST_CASE("frugal search: a search that is stopped ends with what it knows") {
  Rng rng{3};
  const Roomy some = priced_apart(rng, 60);
  const Search search = *Search::of(some.job, some.fleet, calibration);
  const TrainingPlan fastest = plan::search(some.job, some.fleet, calibration)->plan;
  int asked = 0;
  const auto stops = [&](double) { return ++asked < 40; };
  const auto found = FrugalSearch{search}.best(Thrift::money, {}, {fastest}, stops);
  REQUIRE(found);
  CHECK(found->cost.money <= fastest.cost.money);
  const int then = asked;
  FrugalSearch{search}.best(Thrift::money, {}, {fastest}, [&](double) { return ++asked < 1e9; });
  CHECK(asked - then > 40);  // It would have gone on.
}

}  // namespace
}  // namespace axs::plan
