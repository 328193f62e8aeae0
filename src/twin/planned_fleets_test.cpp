#include "axs/twin/planned_fleets.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::twin;

namespace {

plan::DeviceType device(double peak) {
  plan::DeviceType type;
  type.accelerator.name = "made up";
  type.accelerator.peak = FlopsPerSecond{peak};
  return type;
}

plan::Job job_of(std::uint32_t batch) {
  plan::Job job;
  job.shape = {.layers = 2, .hidden = 64, .heads = 4, .kv_heads = 4, .feed_forward = 256};
  job.global_batch = batch;
  job.sequence = 128;
  job.tokens = 9e6;
  job.deadline = Seconds{1e6};
  return job;
}

plan::Fleet three_sites() {
  return {.types = {device(1e12)},
          .sites = {{"tyo", "JP", {{0, 8}}}, {"fra", "DE", {{0, 16}}}, {"mad", "ES", {{0, 8}}}},
          .links = {{0, 1, BytesPerSecond{1e9}, Seconds{0.2}}}};
}

catalog::Scenario scenario_of() {
  catalog::Scenario scenario;
  scenario.name = "three";
  scenario.model.context = 128;
  scenario.train.tokens = 9'000'000;
  scenario.train.sequences = 12;
  scenario.sites = {{.name = "tyo"}, {.name = "fra"}, {.name = "mad"}};
  for (std::uint32_t a = 0; a < 3; ++a)
    for (std::uint32_t b = a + 1; b < 3; ++b)
      scenario.links.push_back({.a = SiteId{a},
                                .b = SiteId{b},
                                .kind = catalog::LinkKind::wire,
                                .rate_ab = bits_per_second(1e9),
                                .rate_ba = bits_per_second(1e9),
                                .one_way = milliseconds(20),
                                .loss = 0});
  return scenario;
}

/// Replicas of two stages of four devices.
plan::TrainingPlan plan_of(std::uint32_t replicas, double step) {
  plan::TrainingPlan plan;
  plan.groups = {{.site = 0, .replicas = replicas, .stages = {{0, 4, 1, {}}, {0, 4, 1, {}}}}};
  plan.step.total = Seconds{step};
  return plan;
}

/// The sites share twelve sequences.
std::vector<SitePlan> three_plans() {
  const auto jobs = site_jobs(job_of(12), three_sites());
  return {{jobs[0], plan_of(1, 0.5)}, {jobs[1], plan_of(2, 0.25)}, {jobs[2], plan_of(1, 1)}};
}

}  // namespace

TEST_CASE("site jobs: sites share the batch; where the job may not run, nothing is planned") {
  plan::Job job = job_of(12);
  const auto all = site_jobs(job, three_sites());
  REQUIRE(all.size() == 3);
  for (const SiteJob& each : all) {
    CHECK(each.job.global_batch == 4);
    CHECK_FALSE(each.job.deadline);
    CHECK(each.fleet.sites.size() == 1);
    CHECK(each.fleet.links.empty());
  }
  job.jurisdictions = {"DE", "ES"};
  job.limits = {.budget = Dollars{8}, .power = Watts{500}};
  const auto europe = site_jobs(job, three_sites());
  REQUIRE(europe.size() == 2);
  CHECK(europe[0].site == SiteId{1});
  CHECK(europe[0].fleet.sites[0].name == "fra");
  CHECK(europe[1].job.global_batch == 6);
  CHECK(europe[1].job.limits.budget->value() == 4);
  CHECK(europe[1].job.limits.power->value() == 250);
}

TEST_CASE("at sites: links and faults go with the sites that they are of") {
  catalog::Scenario scenario = scenario_of();
  scenario.faults = {{seconds(1), catalog::CutLink{LinkId{0}, seconds(1)}},
                     {seconds(2), catalog::CutLink{LinkId{2}, seconds(1)}},
                     {seconds(3), catalog::SlowSite{SiteId{0}, 2, seconds(1)}},
                     {seconds(4), catalog::KillProcess{SiteId{2}, catalog::Process::worker}}};
  const catalog::Scenario kept = at_sites(scenario, {SiteId{1}, SiteId{2}});
  REQUIRE(kept.sites.size() == 2);
  CHECK(kept.sites[0].name == "fra");
  REQUIRE(kept.links.size() == 1);
  CHECK(kept.links[0].a == SiteId{0});
  CHECK(kept.links[0].b == SiteId{1});
  REQUIRE(kept.faults.size() == 2);
  CHECK(std::get<catalog::CutLink>(kept.faults[0].what).link == LinkId{0});
  CHECK(std::get<catalog::KillProcess>(kept.faults[1].what).site == SiteId{1});
}

TEST_CASE("planned fleets: a fleet is as large and as fast as its plan") {
  const auto plans = three_plans();
  const PlannedFleets planned = planned_fleets(scenario_of(), plans, 1'000);
  REQUIRE(planned.fleets.size() == 3);
  double needed = 0;  // FLOP/s.
  for (std::size_t i = 0; i < 3; ++i) {
    const Fleet& fleet = planned.fleets[i];
    CHECK(fleet.accelerators == (i == 1 ? 16 : 8));
    CHECK(fleet.speed.tokens_per_step == 4 * 128);
    CHECK(fleet.speed.contribution_bytes == 1'000);
    CHECK(fleet.speed.step.seconds() * mean_slowness(fleet) ==
          doctest::Approx(plans[i].plan.step.total.value()));
    needed += plan::training_flops_per_token(plans[i].work.job.shape, 128).value() * 4 * 128 /
              plans[i].plan.step.total.value();
  }
  CHECK(planned.utilisation == doctest::Approx(needed / (32 * 1e12)));
}

TEST_CASE("planned fleets: money and carbon are those of all sites, or of none") {
  auto plans = three_plans();
  for (SitePlan& site : plans) {
    site.work.fleet.types[0].price = Dollars{2} / Seconds{1};
    site.work.fleet.sites[0].supply = {.price = DollarsPerJoule{0.5}, .carbon = 0.25};
  }
  const PowerUse power{.sites = {{Joules{100}, {}}, {Joules{20}, {}}, {Joules{4}, {}}}};
  const auto planned = [&] { return planned_fleets(scenario_of(), plans, 1'000); };
  // 8, 16 and 8 devices for 10 s.
  CHECK(money_of(planned(), power, Seconds{10})->value() == doctest::Approx(32 * 20 + 62));
  CHECK(*carbon_of(planned(), power) == doctest::Approx(31));
  plans[1].work.fleet.types[0].price.reset();
  plans[2].work.fleet.sites[0].supply.carbon.reset();
  CHECK_FALSE(money_of(planned(), power, Seconds{10}));
  CHECK_FALSE(carbon_of(planned(), power));
}

TEST_CASE("tokens per second apart: those of each site at its own speed") {
  PlannedFleets planned = planned_fleets(scenario_of(), three_plans(), 1'000);
  for (Fleet& fleet : planned.fleets) {
    fleet.straggling = 0;
    fleet.speed.step = scaled(fleet.speed.step, mean_slowness(fleet));
    fleet.speed.start = seconds(1);
  }
  const double apart = tokens_per_second_apart(planned.scenario, planned.fleets, seconds(2'000));
  CHECK(apart == doctest::Approx(4 * 128 * (2 + 4 + 1)).epsilon(0.03));
}
