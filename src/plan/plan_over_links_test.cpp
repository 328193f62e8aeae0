#include "axs/plan/plan_over_links.h"

#include <doctest/doctest.h>

#include "axs/plan/search_scenes_testing.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// Two sites of four devices, with prices.
struct Pair {
  Job job;
  Fleet fleet;

  Pair() {
    Rng rng{1};
    job = scenes::small_job(rng);
    job.global_batch = 64;
    job.loss_gap_max = 0.02;
    fleet.types = {scenes::device("chip", 300, 80, 4)};
    fleet.types[0].price = Dollars{3} / Seconds{3600};
    const SiteSupply supply{.price = DollarsPerJoule{1e-8}, .carbon = 1e-7};
    for (const char* name : {"a", "b"}) fleet.sites.push_back({name, "", {{0, 4}}, supply});
    fleet.links = {{0, 1, bits_per_second(2e9), Seconds{0.05}}};
  }
  TrainingPlan best() const { return search(job, fleet, scenes::calibration())->plan; }
};

}  // namespace

TEST_CASE("plan over links: over those that it was made for it is what it was") {
  const Pair pair;
  const TrainingPlan plan = pair.best();
  REQUIRE(plan.groups.size() > 1);
  const auto same = over_links(plan, pair.job, pair.fleet);
  REQUIRE(same);
  CHECK(same->step.total.value() == doctest::Approx(plan.step.total.value()));
  CHECK(same->cost.money->value() == doctest::Approx(plan.cost.money->value()));
}

TEST_CASE("plan over links: over others it costs what the search says of the same plan there") {
  Pair pair;
  const TrainingPlan plan = pair.best();
  pair.fleet.links[0].rate = bits_per_second(1e9);
  const TrainingPlan there = pair.best();
  REQUIRE(there.groups == plan.groups);
  TrainingPlan changed = plan;
  changed.outer = there.outer;  // As it would have been, had it been planned so.
  const auto moved = over_links(changed, pair.job, pair.fleet);
  REQUIRE(moved);
  CHECK(moved->step.sites.value() == doctest::Approx(there.step.sites.value()));
  CHECK(moved->duration.value() == doctest::Approx(there.duration.value()));
  CHECK(moved->tokens_per_second == doctest::Approx(there.tokens_per_second));
  CHECK(moved->cost.energy.value() == doctest::Approx(there.cost.energy.value()));
  CHECK(moved->cost.money->value() == doctest::Approx(there.cost.money->value()));
  CHECK(*moved->cost.carbon == doctest::Approx(*there.cost.carbon));
}

TEST_CASE("plan over links: without a link between its sites there is none") {
  Pair pair;
  const TrainingPlan plan = pair.best();
  pair.fleet.links.clear();
  CHECK_FALSE(over_links(plan, pair.job, pair.fleet));
}
