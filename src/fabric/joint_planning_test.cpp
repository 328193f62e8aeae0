#include "axs/fabric/joint_planning.h"

#include <doctest/doctest.h>

#include "axs/core/rng.h"
#include "axs/fabric/planned_wires_testing.h"
#include "axs/plan/search_scenes_testing.h"

using namespace axs;
using namespace axs::fabric;
using namespace axs::fabric::wires;

namespace {

constexpr SiteId a{0}, b{1}, c{2};

/// Sites of four devices, for a model of a gigabyte.
struct Scene {
  plan::Job job;
  plan::Fleet fleet;

  explicit Scene(std::uint32_t sites) {
    Rng rng{1};
    job = plan::scenes::small_job(rng);
    job.global_batch = 64;
    job.loss_gap_max = 0.02;
    fleet.types = {plan::scenes::device("chip", 300, 80, 4)};
    for (std::uint32_t i = 0; i < sites; ++i)
      fleet.sites.push_back({.name = std::string(1, static_cast<char>('a' + i)),
                             .jurisdiction = "",
                             .pools = {{0, 4}}});
  }
  plan::TrainingPlan best(const plan::Fleet& over) const {
    return plan::search(job, over, plan::scenes::calibration())->plan;
  }
};

JointPlanning solved(const Scene& scene, const std::vector<LinkPlan>& links) {
  JointPlanning joint{scene.job, scene.fleet, topology_of(links), links};
  while (joint.take(scene.best(joint.fleet()))) {
  }
  return joint;
}

/// Each pair of three sites with two links.
std::vector<LinkPlan> doubled(double megabits) {
  return {wire(0, a, b, megabits, 30), wire(1, a, b, megabits, 40), wire(2, a, c, megabits, 30),
          wire(3, a, c, megabits, 40), wire(4, b, c, megabits, 30), wire(5, b, c, megabits, 40)};
}

}  // namespace

TEST_CASE("joint planning: what a plan asks for is a fragment between any two of its sites") {
  const Scene scene{2};
  plan::TrainingPlan plan;
  plan.groups = {{.site = 1, .stages = {}}, {.site = 0, .stages = {}}, {.site = 1, .stages = {}}};
  plan.outer = plan::OuterSync{.period = 30, .fragments = 2, .overlap = 1, .bits = 4};
  const auto exchange = exchange_of(plan, scene.job);
  CHECK(exchange.sites == std::vector{a, b});
  CHECK(exchange.message.value() == doctest::Approx(plan::parameters(scene.job.shape) / 4));
}

TEST_CASE("joint planning: it ends, and no plan is worse than the one that knows of no routes") {
  double apart = 0, together = 0;
  for (double megabits = 50; megabits < 2e6; megabits *= 1.7) {
    const JointPlanning joint = solved(Scene{3}, doubled(megabits));
    CAPTURE(megabits);
    CHECK(joint.rounds() <= JointPlanning::rounds_max);
    CHECK(joint.best().plan.step.total <= joint.first().plan.step.total);
    apart += joint.first().plan.step.total.value();
    together += joint.best().plan.step.total.value();
  }
  CHECK(together < 0.99 * apart);
}

TEST_CASE("joint planning: what it promises is what the routes leave to that very plan") {
  const Scene scene{3};
  for (const double megabits : {300.0, 3000.0, 30'000.0}) {
    const auto links = doubled(megabits);
    const JointPlanning joint = solved(scene, links);
    const auto& [plan, fleet] = joint.best();
    const auto left = route_forecast(topology_of(links), links, exchange_of(plan, scene.job));
    REQUIRE(left.links.size() == fleet.links.size());
    for (std::size_t i = 0; i < left.links.size(); ++i)
      CHECK(left.links[i].rate == fleet.links[i].rate);
  }
}

TEST_CASE("joint planning: a plan that is asked for twice ends it, the better one stays") {
  const Scene scene{2};
  const std::vector links{wire(0, a, b, 100, 30)};
  JointPlanning joint{scene.job, scene.fleet, topology_of(links), links};
  plan::TrainingPlan both, alone;
  both.groups = {{.site = 0, .stages = {}}, {.site = 1, .stages = {}}};
  both.step = {.replicas = Seconds{1}, .total = Seconds{1}};
  alone.groups = {{.site = 0, .stages = {}}};
  alone.step = {.replicas = Seconds{2}, .total = Seconds{2}};
  CHECK(joint.take(both));  // Waits for minutes.
  CHECK(joint.last_is_best());
  CHECK(joint.first().plan.step.total > Seconds{60});
  CHECK(joint.take(alone));
  CHECK(joint.last_is_best());
  CHECK_FALSE(joint.take(both));
  CHECK_FALSE(joint.last_is_best());
  CHECK(joint.best().plan.groups.size() == 1);
  CHECK(joint.rounds() == 3);
}

TEST_CASE("joint planning: a plan within the budget comes before a faster one that is not") {
  Scene scene{2};
  scene.job.limits.budget = Dollars{100};
  const std::vector links{wire(0, a, b, 100'000, 30)};
  JointPlanning joint{scene.job, scene.fleet, topology_of(links), links};
  plan::TrainingPlan both, alone;
  both.groups = {{.site = 0, .stages = {}}, {.site = 1, .stages = {}}};
  both.step = {.replicas = Seconds{1}, .total = Seconds{1}};
  both.cost.money = Dollars{200};
  alone.groups = {{.site = 0, .stages = {}}};
  alone.step = {.replicas = Seconds{1e6}, .total = Seconds{1e6}};
  alone.cost.money = Dollars{50};
  CHECK(joint.take(both));
  CHECK(joint.take(alone));
  CHECK(joint.last_is_best());
  CHECK_FALSE(joint.take(both));
  CHECK(joint.best().plan.groups.size() == 1);
}
