#include "axs/plan/wanted_plan.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/plan/frugal_exhaustive_testing.h"
#include "axs/plan/plan_cost.h"
#include "axs/plan/search_scenes_testing.h"

using namespace axs;
using namespace axs::plan;

namespace {

const Calibration calibration = scenes::calibration();
const FrugalSearch::Watch patient = [](double) { return true; };
constexpr double almost = 1 + 2 * FrugalChoice::close_enough;

WantedPlan wanted(const Job& job, const Fleet& fleet) {
  const Search search = *Search::of(job, fleet, calibration);
  const TrainingPlan fastest = plan::search(job, fleet, calibration)->plan;
  return wanted_plan(FrugalSearch{search}, job, fastest, patient);
}

/// Two sites, four devices each, whose link is no use; what is wanted is at one of them.
struct TwoSites {
  Job job;
  Fleet fleet;

  TwoSites() {
    Rng rng{1};
    job = scenes::small_job(rng);
    job.shape.layers = 4;
    job.global_batch = 32;
    fleet.types = {scenes::device("chip", 400, 80, 4)};
    fleet.sites = {{.name = "a", .jurisdiction = "", .pools = {{0, 4}}},
                   {.name = "b", .jurisdiction = "", .pools = {{0, 4}}}};
    price(0, 3, 400);
    price(1, 2, 900);
  }

  void price(std::size_t site, double dollars_per_hour, double grams_per_kwh) {
    fleet.sites[site].pools[0].price = Dollars{dollars_per_hour} / Seconds{3600};
    fleet.sites[site].supply.carbon = grams_per_kwh / 3.6e9;
  }
  TrainingPlan best(Objective objective) {
    job.objective = objective;
    const WantedPlan found = wanted(job, fleet);
    CHECK(found.unmet.empty());
    return found.plan;
  }
};

std::uint32_t site_of(const TrainingPlan& plan) {
  for (const ReplicaGroup& group : plan.groups) CHECK(group.site == plan.groups[0].site);
  return plan.groups[0].site;
}

/// A small fleet with prices and supplies, at any of which a plan may be best.
struct Priced {
  Job job;
  Fleet fleet;

  explicit Priced(std::uint64_t seed) {
    Rng rng{seed};
    job = scenes::small_job(rng);
    fleet = scenes::small_fleet(rng);
    scenes::price(rng, fleet);
  }
};

}  // namespace

TEST_CASE("objectives: sites that step apart, each with as many replicas as it is priced for") {
  TwoSites two;
  two.fleet.sites[1].pools[0].devices = 8;
  two.fleet.links = {{0, 1, bits_per_second(1e10), Seconds{0.05}}};
  two.job.loss_gap_max = 0.02;
  int apart = 0;
  for (double gigabytes = 10; gigabytes < 50; gigabytes *= 1.5) {
    two.fleet.types[0].accelerator.memory = Bytes{gigabytes * 1e9};
    const auto fastest = plan::search(two.job, two.fleet, calibration);
    if (!fastest) continue;
    const Search search = *Search::of(two.job, two.fleet, calibration);
    for (const double slower : {1.001, 1.3}) {
      const ThriftLimits limits{.duration = slower * fastest->plan.duration};
      const auto found = FrugalSearch{search}.best(Thrift::energy, limits, {}, patient);
      REQUIRE(found);
      CHECK(found->duration <= limits.duration);
      CHECK(found->cost.energy <= almost * fastest->plan.cost.energy);
      const auto again = search.shared_anew(found->method, found->groups);
      REQUIRE(again);
      CHECK(again->step.total <= found->step.total * (1 + 1e-9));
      if (found->outer) ++apart;
    }
  }
  CHECK(apart > 1);
}

TEST_CASE("objectives: of two sites the cheaper, the cleaner, and any for energy") {
  TwoSites two;
  CHECK(site_of(two.best(Objective::money)) == 1);
  CHECK(site_of(two.best(Objective::carbon)) == 0);
  two.fleet.sites[0].supply.pue = 1.5;
  CHECK(site_of(two.best(Objective::energy)) == 1);
  two.price(0, 1, 1000);
  CHECK(site_of(two.best(Objective::money)) == 0);
  CHECK(site_of(two.best(Objective::carbon)) == 1);
}

TEST_CASE("objectives: no other objective's plan takes less of what is wanted") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Priced priced{seed};
    CAPTURE(seed);
    if (!search(priced.job, priced.fleet, calibration)) continue;
    std::vector<TrainingPlan> plans;
    for (const Objective objective :
         {Objective::time, Objective::money, Objective::energy, Objective::carbon}) {
      priced.job.objective = objective;
      plans.push_back(wanted(priced.job, priced.fleet).plan);
    }
    for (std::size_t i = 0; i < plans.size(); ++i)
      for (const TrainingPlan& other : plans)
        CHECK(*score_of(plans[i], Objective(i)) <= *score_of(other, Objective(i)) * almost);
  }
}

TEST_CASE("objectives: no more than a hundredth above the best of all plans") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Priced priced{seed};
    for (const Objective objective : {Objective::money, Objective::energy}) {
      priced.job.objective = objective;
      const double best = FrugalExhaustive{priced.job, priced.fleet, calibration}.score();
      const bool some = search(priced.job, priced.fleet, calibration).has_value();
      CAPTURE(seed);
      CHECK(some == (best < 1e29));
      if (!some) continue;
      const double found =
          *score_of(wanted(priced.job, priced.fleet).plan, objective) / steps(priced.job);
      CHECK(found >= best * (1 - 1e-9));
      CHECK(found <= best * 1.01);
      ++compared;
    }
  }
  CHECK(compared >= 4);
}

TEST_CASE("objectives: devices, types and sites that are added never make a plan worse") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    for (const Objective objective : {Objective::money, Objective::energy, Objective::carbon}) {
      Priced priced{seed};
      if (!search(priced.job, priced.fleet, calibration)) continue;
      priced.job.objective = objective;
      Rng rng{seed};
      double before = *score_of(wanted(priced.job, priced.fleet).plan, objective);
      for (int i = 0; i < 2; ++i) {
        scenes::grow(rng, priced.fleet);
        scenes::price(rng, priced.fleet);
        const double after = *score_of(wanted(priced.job, priced.fleet).plan, objective);
        CAPTURE(seed);
        CHECK(after <= before * almost);
        before = after;
        ++compared;
      }
    }
  CHECK(compared >= 6);
}

TEST_CASE("objectives: limits hold, and what no plan keeps is said with what is nearest") {
  TwoSites two;
  const TrainingPlan fastest = two.best(Objective::time);
  const TrainingPlan cheapest = two.best(Objective::money);
  REQUIRE(cheapest.duration > fastest.duration);
  REQUIRE(*cheapest.cost.money < *fastest.cost.money);

  two.job.deadline = 0.5 * (fastest.duration + cheapest.duration);
  const TrainingPlan between = two.best(Objective::money);
  CHECK(between.duration <= *two.job.deadline);
  CHECK(*between.cost.money <= *fastest.cost.money);
  two.job.deadline.reset();

  two.job.limits.budget = 0.5 * (*fastest.cost.money + *cheapest.cost.money);
  const TrainingPlan paid = two.best(Objective::time);
  CHECK(*paid.cost.money <= *two.job.limits.budget);
  CHECK(paid.duration <= cheapest.duration);
  two.job.limits.budget = 0.5 * *cheapest.cost.money;
  WantedPlan nearest = wanted(two.job, two.fleet);
  CHECK(nearest.unmet.starts_with("budget: "));
  CHECK(*nearest.plan.cost.money <= *cheapest.cost.money * almost);
  two.job.limits.budget.reset();

  two.job.limits.power = 0.99 * fastest.cost.power;
  CHECK(two.best(Objective::time).cost.power <= *two.job.limits.power);
  two.job.limits.power = Watts{10};
  nearest = wanted(two.job, two.fleet);
  // One device at its limit, its host and the cooling of both.
  CHECK(nearest.unmet == "power: 10 W, the plan that draws least needs 720 W");
  two.job.limits.power.reset();

  two.job.deadline = 0.5 * fastest.duration;
  nearest = wanted(two.job, two.fleet);
  CHECK(nearest.unmet.starts_with("deadline: "));
  CHECK(nearest.plan.duration == fastest.duration);
}

TEST_CASE("objectives: a site draws no more than it may") {
  TwoSites two;
  const TrainingPlan fastest = two.best(Objective::time);
  for (FleetSite& site : two.fleet.sites) site.supply.limit = 0.6 * fastest.cost.power;
  REQUIRE(wants_more_than_time(two.job, two.fleet));
  const TrainingPlan limited = two.best(Objective::time);
  CHECK(limited.duration > fastest.duration);
  for (const Watts power : site_power(limited, two.fleet)) CHECK(power <= 0.6 * fastest.cost.power);
}

TEST_CASE("objectives: every limit that is missed is named, the one that no plan keeps first") {
  TwoSites two;
  const TrainingPlan fastest = two.best(Objective::time);
  two.job.deadline = 0.5 * fastest.duration;
  two.job.limits = {.budget = Dollars{1}, .power = Watts{10}};
  const std::string unmet = wanted(two.job, two.fleet).unmet;
  CHECK(unmet.starts_with("deadline: "));
  CHECK(unmet.find("; budget: 1 $, the plan costs ") != std::string::npos);
  CHECK(unmet.find("; power: 10 W, the plan needs ") != std::string::npos);
  CHECK(unmet.find("deadline", 1) == std::string::npos);
  CHECK(missed_limits(two.job, two.fleet, fastest).size() == 3);
  CHECK(missed_text(two.job, two.fleet, fastest).starts_with("deadline: "));
  two.job.deadline = (1 - 1e-7) * fastest.duration;
  CHECK(missed_limits(two.job, two.fleet, fastest).front().ends_with(" more"));
  two.job.limits = {};
  CHECK(wanted(two.job, two.fleet).unmet.ends_with(" more"));
  two.job.deadline.reset();
  CHECK(missed_limits(two.job, two.fleet, fastest).empty());
}

TEST_CASE("objectives: where sites have too little power, they are named with what they have") {
  TwoSites two;
  for (FleetSite& site : two.fleet.sites) site.supply.limit = Watts{1};
  const std::string unmet = wanted(two.job, two.fleet).unmet;
  CHECK(unmet.starts_with("power of sites: no plan keeps the limits; power of "));
  CHECK(unmet.find(": 1 W, the plan needs ") != std::string::npos);
}

TEST_CASE("objectives: a search that is stopped says so, not that there is no plan") {
  TwoSites two;
  const TrainingPlan fastest = two.best(Objective::time);
  two.job.limits.budget = 0.5 * (*fastest.cost.money + *two.best(Objective::money).cost.money);
  const Search search = *Search::of(two.job, two.fleet, calibration);
  for (const int asked : {0, 1, 5}) {
    int left = asked;
    const auto wanted =
        wanted_plan(FrugalSearch{search}, two.job, fastest, [&](double) { return left-- > 0; });
    CAPTURE(asked);
    if (wanted.unmet.empty())
      CHECK(*wanted.plan.cost.money <= *two.job.limits.budget);
    else
      CHECK(wanted.unmet.starts_with("limits: the search was stopped"));
    CHECK((asked > 0 || !wanted.unmet.empty()));
  }
}

TEST_CASE("frontier: from the fastest to the cheapest, each slower and cheaper than the last") {
  TwoSites two;
  const Search search = *Search::of(two.job, two.fleet, calibration);
  const TrainingPlan fastest = two.best(Objective::time);
  const TrainingPlan cheapest = two.best(Objective::money);
  const auto plans = frontier(FrugalSearch{search}, two.job, Thrift::money, fastest, patient);
  REQUIRE(plans.size() >= 2);
  CHECK(plans.front().duration == fastest.duration);
  CHECK(plans.back().cost.money->value() <= cheapest.cost.money->value() * almost);
  for (std::size_t i = 1; i < plans.size(); ++i) {
    CHECK(plans[i].duration > plans[i - 1].duration);
    CHECK(*plans[i].cost.money < *plans[i - 1].cost.money);
  }
}
