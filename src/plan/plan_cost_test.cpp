#include "axs/plan/plan_cost.h"

#include <doctest/doctest.h>

#include "axs/plan/search_scenes_testing.h"
#include "axs/plan/step_energy.h"

using namespace axs;
using namespace axs::plan;

namespace {

const Calibration calibration = scenes::calibration();

/// Two sites that do not reach each other, with four devices each that hold all layers.
struct Apart {
  Job job;
  Fleet fleet;

  Apart() {
    Rng rng{1};
    job = scenes::small_job(rng);
    job.shape.layers = 4;
    job.global_batch = 8;
    fleet.types = {scenes::device("chip", 400, 80, 4)};
    fleet.types[0].price = Dollars{2} / Seconds{3600};
    fleet.sites = {{.name = "a", .jurisdiction = "", .pools = {{0, 4}}},
                   {.name = "b", .jurisdiction = "", .pools = {{0, 4}}}};
  }

  TrainingPlan fastest() const { return search(job, fleet, calibration)->plan; }
};

}  // namespace

TEST_CASE("plan cost: a replica on one device draws what the model of a step says") {
  Apart apart;
  apart.fleet.sites[0].pools[0].devices = 1;
  apart.fleet.sites.pop_back();
  apart.fleet.sites[0].supply.pue = 1.5;
  const TrainingPlan plan = apart.fastest();
  Workload work{.shape = apart.job.shape,
                .plan = {.sharding = plan.method.sharding,
                         .recompute = plan.method.recompute,
                         .micro_batch = plan.method.micro_batch,
                         .global_batch = apart.job.global_batch,
                         .sequence = apart.job.sequence,
                         .stage_layers = {}},
                .accelerator = apart.fleet.types[0].accelerator,
                .network = apart.fleet.types[0].network,
                .software = apart.job.software};
  const StepTime step = *step_time(work, calibration);
  const StepEnergy energy = *step_energy(work, step, 1.5);
  CHECK(plan.step.total.value() == doctest::Approx(step.total.value()).epsilon(1e-9));
  CHECK((plan.cost.energy / steps(apart.job)).value() ==
        doctest::Approx(energy.whole.value()).epsilon(1e-9));
  CHECK(plan.cost.energy_spread == doctest::Approx(energy.spread));
  // 400 W and half of that for the host.
  CHECK(plan.cost.power.value() == doctest::Approx(1.5 * 600));
}

TEST_CASE("plan cost: rent of devices in use, energy where it is paid, carbon where it is known") {
  Apart apart;
  const TrainingPlan rented = apart.fastest();
  double devices = 4;
  for (const std::uint32_t idle : rented.idle) devices -= idle - 4;
  const double hours = rented.duration.value() / 3600;
  CHECK(rented.cost.money->value() == doctest::Approx(2 * devices * hours));
  CHECK(rented.cost.money_spread == rented.step.spread);
  CHECK_FALSE(rented.cost.carbon);
  for (FleetSite& site : apart.fleet.sites) {
    site.supply.price = DollarsPerJoule{0.1 / 3.6e6};
    site.supply.carbon = 1e-7;
  }
  const TrainingPlan paid = apart.fastest();
  const double kwh = paid.cost.energy.value() / 3.6e6;
  CHECK(paid.cost.money->value() == doctest::Approx(2 * devices * hours + 0.1 * kwh));
  CHECK(paid.cost.money_spread == paid.cost.energy_spread);
  CHECK(*paid.cost.carbon == doctest::Approx(1e-7 * paid.cost.energy.value()));
}

TEST_CASE("plan cost: all devices that have parts of a sequence are paid and draw power") {
  Apart apart;
  apart.fleet.sites.pop_back();
  apart.fleet.sites[0].supply.pue = 1.5;
  apart.job.sequence = 16384;
  apart.job.global_batch = 2;
  const Search search = *Search::of(apart.job, apart.fleet, calibration);
  bool in_parts = false;
  for (std::size_t unit = 0; unit < search.units(); ++unit) {
    const auto found = search.run(unit, Seconds{1e30});
    if (!found) continue;
    const TrainingPlan& plan = found->plan;
    in_parts = in_parts || plan.method.context > 1;
    const double devices = 4.0 - plan.idle[0];
    const double hours = plan.duration.value() / 3600;
    CHECK(plan.cost.money->value() == doctest::Approx(2 * devices * hours));
    CHECK(plan.cost.power.value() == doctest::Approx(1.5 * 600 * devices));
  }
  CHECK(in_parts);
}

TEST_CASE("plan cost: a price at a site stands for that of the type") {
  Apart apart;
  const double before = apart.fastest().cost.money->value();
  for (FleetSite& site : apart.fleet.sites) site.pools[0].price = Dollars{6} / Seconds{3600};
  CHECK(apart.fastest().cost.money->value() == doctest::Approx(3 * before));
  apart.fleet.types[0].price.reset();
  apart.fleet.sites[0].pools[0].price.reset();
  apart.fleet.sites.pop_back();
  CHECK_FALSE(apart.fastest().cost.money);
}

TEST_CASE("plan cost: what is not known or cannot be is said in a sentence") {
  Apart apart;
  const auto why_not = [&] {
    const auto found = search(apart.job, apart.fleet, calibration);
    return found ? std::string{} : found.error().what;
  };
  apart.fleet.types[0].price.reset();
  CHECK(why_not().empty());
  apart.job.limits.budget = Dollars{1e6};
  CHECK(why_not() ==
        "site a: the catalogue has no price of chip, want price = DOLLARS for an hour of a device "
        "beside its type");
  apart.job.limits.budget.reset();
  apart.job.objective = Objective::carbon;
  CHECK(why_not() == "site a: carbon of its energy is not known, want carbon = GRAMS for a kWh");
  for (FleetSite& site : apart.fleet.sites) site.supply.carbon = 1e-4;
  apart.fleet.sites.push_back({.name = "no devices", .jurisdiction = "", .pools = {{0, 0}}});
  CHECK(why_not().empty());
  apart.fleet.sites.pop_back();
  apart.job.objective = Objective::energy;
  apart.fleet.sites[1].supply.pue = 0.5;
  CHECK(why_not() == "site b: pue 0.5, want 1 to 10");
  apart.fleet.sites[1].supply.pue = 1;
  apart.fleet.sites[1].pools = {{0, 2, Dollars{1} / Seconds{3600}}, {0, 2}};
  CHECK(why_not() == "site b: two prices of devices of one type, want one");
  apart.fleet.sites.pop_back();
  apart.job.limits.power = Watts{0};
  CHECK(why_not() == "power 0 W, want > 0");
}
