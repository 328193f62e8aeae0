#include "axs/cli/plan_execute.h"

#include <doctest/doctest.h>

#include "axs/cli/small_job_testing.h"
#include "axs/config/facts_testing.h"

using namespace axs;
using namespace axs::cli;

namespace {

const config::PlannedJob& pair() {
  return testing::small_job();
}

/// One replica at sfo and two at fra, with as many micro-batches each.
plan::TrainingPlan by_hand() {
  const std::vector<plan::PlannedStage> stages{{.layers = pair().job.shape.layers}};
  plan::TrainingPlan plan;
  plan.method.micro_batch = 2;
  plan.groups = {{.site = 0, .replicas = 1, .micro_batches = 2, .stages = stages},
                 {.site = 1, .replicas = 2, .micro_batches = 2, .stages = stages}};
  plan.outer = plan::OuterSync{
      .period = 30, .fragments = 3, .overlap = 5, .bits = 16, .during_backward = false};
  plan.step = {.replicas = Seconds{0.1}, .fixed = Seconds{0.01}, .total = Seconds{0.11}};
  plan.duration = plan::steps(pair().job) * plan.step.total;
  return plan;
}

Result<PlannedRun> run_of(const plan::TrainingPlan& plan) {
  return planned_run(pair(), plan, config::testing::shipped_facts().calibration, "p.json");
}

/// What is said of by_hand(), changed: of devices and sites, or else of our own workers.
template <class Change>
std::string problem(const Change& change) {
  plan::TrainingPlan plan = by_hand();
  change(plan);
  const auto run = run_of(plan);
  if (!run) return run.error().what;
  const auto checked = check_workers(*run, "p.json");
  return checked ? "" : checked.error().what;
}

}  // namespace

TEST_SUITE_BEGIN("plan_execute");

TEST_CASE("plan_execute: a plan says who computes what and what is exchanged when") {
  const auto run = run_of(by_hand());
  REQUIRE_MESSAGE(run, (run ? "" : run.error().what));
  CHECK(check_workers(*run, "p.json"));
  const catalog::Train& train = run->scenario.train;
  REQUIRE(train.shares);
  CHECK(train.shares->micro_batch == 2);
  REQUIRE(train.shares->sites.size() == 2);
  CHECK(train.shares->sites[0].micro_batches == std::vector<std::uint32_t>{2});
  CHECK(train.shares->sites[1].micro_batches == std::vector<std::uint32_t>{2, 2});
  CHECK(train.sync == catalog::SyncMode::outer);
  CHECK(exchange_text(train.outer) ==
        "exchanged every 30 steps in 3 fragments of 16 bits, needed 5 steps later");
  CHECK(work_text(run->scenario) ==
        "sfo 2, fra 2 + 2 micro-batches of 2, " + exchange_text(train.outer));
  CHECK(run->basis.find("cpu") != std::string::npos);
}

TEST_CASE("plan_execute: workers are as fast as the plan's slowest replica of their site") {
  const auto run = run_of(by_hand());
  REQUIRE(run);
  const auto speeds = planned_speeds(*run);
  REQUIRE(speeds.size() == 2);
  for (std::uint32_t site = 0; site < 2; ++site) {
    CHECK(site_step(*run, site) == run->broken.groups[site].end + run->plan.step.fixed);
    CHECK(speeds[site].step == from_seconds(site_step(*run, site).value()));
  }
  CHECK(planned_fact(*run).step == from_seconds(0.11));
}

TEST_CASE("plan_execute: sites of which the plan has no replicas are left out") {
  plan::TrainingPlan plan = by_hand();
  plan.groups = {plan.groups[1]};
  plan.groups[0].micro_batches = 3;
  plan.outer.reset();
  const auto run = run_of(plan);
  REQUIRE_MESSAGE(run, (run ? "" : run.error().what));
  REQUIRE(run->scenario.sites.size() == 1);
  CHECK(work_text(run->scenario) == "fra 3 + 3 micro-batches of 2");
}

TEST_CASE("plan_execute: what the fleet has not, or sites and workers cannot do, is named") {
  CHECK(problem([](auto&) {}) == "");
  CHECK(problem([](auto& plan) { plan.groups[0].replicas = 3; }) ==
        "p.json: 3 cpu at sfo, want at most the 2 that it has");
  CHECK(problem([](auto& plan) { plan.groups[0].crossings = {{1, 1}}; }) ==
        "p.json: pipelines across sites, which are planned but not carried out yet");
  CHECK(problem([](auto& plan) { plan.outer->bits = 8; }) ==
        "p.json: an exchange of 8 bits of a parameter, want 4 or 16");
  CHECK(problem([](auto& plan) { plan.duration = Seconds{1e10}; }) ==
        "p.json: 1e+10 s planned, want at most a hundred years, 3.16e+09 s");
  CHECK(problem([](auto& plan) {
          plan.groups[0].stages[0].type = 1;
        }).starts_with("p.json: accelerators of type H100, which the worker does not execute"));
  CHECK(problem([](auto& plan) {
          plan.method.recompute = plan::Recompute::full;
        }).starts_with("p.json: recomputation of activations, which"));
}

TEST_CASE("plan_execute: replicas that the machine cannot hold are refused") {
  const auto run = run_of(by_hand());
  REQUIRE(run);
  constexpr double plenty = 1e12;
  const auto said = [&](const PlannedRun& of, Capacity host) {
    const auto checked = check_host(of, host, "p.json");
    return checked ? "" : checked.error().what;
  };
  CHECK(said(*run, {1, plenty}) == "");
  CHECK(said(*run, {1, 1e6}).starts_with("p.json: 3 replicas, which take 0.0"));
  CHECK(said(*run, {1, 1e6}).ends_with(" GB of memory, want at most the 0.001 GB of this machine"));
  PlannedRun many = *run;
  many.plan.groups[1].replicas = 10'000;
  CHECK(said(many, {2, plenty}) ==
        "p.json: 10001 replicas, want at most 128 on the 2 cores of this machine");
}
