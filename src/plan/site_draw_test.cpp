#include "axs/plan/site_draw.h"

#include <doctest/doctest.h>

#include "axs/plan/breakdown.h"
#include "axs/plan/plan_cost.h"
#include "axs/plan/search_scenes_testing.h"

using namespace axs;
using namespace axs::plan;

namespace {

const Calibration calibration = scenes::calibration();

/// Two sites of different supply, which exchange in every step over good links.
struct Joined {
  Job job;
  Fleet fleet;

  Joined() {
    Rng rng{1};
    job = scenes::small_job(rng);
    job.shape.layers = 4;
    job.global_batch = 64;
    fleet.types = {scenes::device("chip", 400, 80, 4)};
    fleet.types[0].price = Dollars{3} / Seconds{3600};
    fleet.sites = {{.name = "a", .jurisdiction = "", .pools = {{0, 4}}, .supply = {.pue = 1.1}},
                   {.name = "b", .jurisdiction = "", .pools = {{0, 8}}, .supply = {.pue = 1.4}}};
    fleet.links = {{0, 1, BytesPerSecond{1e12}, Seconds{1e-4}}};
  }
};

}  // namespace

TEST_CASE("site draw: over a plan's steps it adds up to what the plan says it costs") {
  const Joined joined;
  const TrainingPlan plan = search(joined.job, joined.fleet, calibration)->plan;
  const PlanBreakdown broken = *breakdown(joined.job, joined.fleet, plan, calibration);
  REQUIRE(plan.groups.size() >= 2);
  Joules energy{};
  Dollars rent{};
  const auto power = site_power(plan, joined.fleet);
  for (const std::uint32_t site : {0u, 1u}) {
    const SiteDraw draw = site_draw(plan, broken, joined.fleet, site);
    energy += steps(joined.job) * (draw.waiting * plan.step.total + draw.step);
    rent += *site_rent(plan, joined.fleet, site) * plan.duration;
    CHECK(draw.idle.value() > 0);
    CHECK(draw.idle < draw.waiting);
    CHECK(draw.stepping(plan.step.total) < power[site]);
  }
  CHECK(energy.value() == doctest::Approx(plan.cost.energy.value()).epsilon(1e-12));
  CHECK(rent.value() == doctest::Approx(plan.cost.money->value()).epsilon(1e-12));
}
