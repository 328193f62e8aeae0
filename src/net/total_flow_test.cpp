#include "axs/net/total_flow.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>

#include "axs/net/flow_testing.h"
#include "axs/net/simplex_testing.h"

namespace axs::net {
namespace {

using testing::any_problem;

FlowProblem problem_of(std::vector<double> capacities) {
  std::vector<BytesPerSecond> rates;
  for (const double capacity : capacities) rates.emplace_back(capacity);
  return *FlowProblem::make(rates);
}

/// Whether `flows` are possible at all; the sums are exact enough in extended precision.
bool feasible(const FlowProblem& problem, const PathFlows& flows) {
  std::vector<long double> load(problem.links());
  for (std::size_t demand = 0; demand < problem.demands(); ++demand) {
    long double rate = 0;
    for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path) {
      if (!(flows[path] >= 0)) return false;
      rate += flows[path];
      for (const auto link : problem.path(path)) load[link] += flows[path];
    }
    if (rate > problem.size()[demand]) return false;
  }
  for (std::size_t link = 0; link < load.size(); ++link)
    if (load[link] > problem.capacity()[link]) return false;
  return true;
}

TEST_CASE("a demand takes its second path when the first is full, as far as it is worth it") {
  auto problem = problem_of({10, 4, 4});
  REQUIRE(problem.add_demand({.size = BytesPerSecond{20}}));
  REQUIRE(problem.add_path(std::array{0U}));
  REQUIRE(problem.add_path(std::array{1U, 2U}));
  REQUIRE(problem.add_demand({.size = BytesPerSecond{1}, .weight = 3}));
  REQUIRE(problem.add_path(std::array{1U}));
  const auto found = maximise_total_flow(problem, {.gap = 1e-6});
  CHECK(found.value == doctest::Approx(10 + 3 + 3));
  CHECK(found.bound >= 16);
  CHECK(found.gap() <= 1e-6);
}

TEST_CASE("nothing to send, nowhere to send it: gap 0") {
  CHECK(maximise_total_flow(problem_of({})).gap() == 0);
  auto problem = problem_of({0, 5});
  REQUIRE(problem.add_demand({.size = BytesPerSecond{7}}));
  REQUIRE(problem.add_path(std::array{0U, 1U}));
  REQUIRE(problem.add_demand({.size = BytesPerSecond{7}}));
  REQUIRE(problem.add_demand({.size = BytesPerSecond{0}}));
  REQUIRE(problem.add_path(std::array{1U}));
  const auto found = maximise_total_flow(problem);
  CHECK(found.value == 0);
  CHECK(found.bound == 0);
}

TEST_CASE("bad input is refused with its place") {
  const std::array bad_capacities{BytesPerSecond{-1}};
  CHECK(FlowProblem::make(bad_capacities).error().what ==
        "link 0: capacity -1.000000 B/s, want a finite number >= 0");
  auto problem = problem_of({1});
  CHECK(problem.add_path(std::array{0U}).error().what == "path 0: no demand was added before it");
  CHECK(!problem.add_demand({.size = BytesPerSecond{std::nan("")}}));
  CHECK(!problem.add_demand({.size = BytesPerSecond{1}, .weight = 0}));
  REQUIRE(problem.add_demand({.size = BytesPerSecond{1}}));
  CHECK(problem.add_path(std::array{1U}).error().what == "path 0: link 1, want one below 1");
  CHECK(problem.add_path(std::array{0U, 0U}).error().what == "path 0: link 0 twice, want it once");
  CHECK(!problem.set_capacity(1, BytesPerSecond{1}));
}

TEST_CASE("the value is feasible and within the proved gap, the bound above the plain simplex's") {
  CHECK(rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto problem = any_problem(*rc::gen::inRange(2U, 6U), seed);
    const auto found = maximise_total_flow(problem);
    RC_ASSERT(feasible(problem, found.flows));
    RC_ASSERT(found.gap() <= 0.01);
    const double best = testing::greatest_gain(testing::flow_program(problem));
    RC_ASSERT(found.value <= best * (1 + 1e-9));
    RC_ASSERT(found.bound >= best * (1 - 1e-9));
  }));
}

TEST_CASE("any prices give a bound above any feasible value") {
  CHECK(rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto problem = any_problem(6, seed);
    Rng rng{seed};
    std::vector<double> prices(problem.links());
    for (auto& price : prices) price = rng.chance(0.3) ? 0 : testing::spread(rng, 6) / 1e5;
    RC_ASSERT(dual_bound(problem, prices) >= maximise_total_flow(problem).value);
  }));
}

TEST_CASE("larger networks of every kind are solved within 1 %, and again after a cut") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto problem = any_problem(15, seed);
    const auto before = maximise_total_flow(problem);
    CHECK(before.gap() <= 0.01);
    REQUIRE(problem.set_capacity(seed % problem.links(), BytesPerSecond{0}));
    const auto after = maximise_total_flow(problem, before);
    CHECK(after.gap() <= 0.01);
    CHECK(feasible(problem, after.flows));
    CHECK(after.value <= before.bound);
  }
}

TEST_CASE("the same problem in other units has the same solution bit for bit") {
  const testing::WanShape shape{.sites = 12, .links = 50, .load = 2};
  const auto problem = testing::wan_problem(shape, 1);
  std::vector<BytesPerSecond> capacities;
  for (const double capacity : problem.capacity()) capacities.emplace_back(0x1p-30 * capacity);
  auto scaled = *FlowProblem::make(capacities);
  for (std::size_t demand = 0; demand < problem.demands(); ++demand) {
    REQUIRE(scaled.add_demand({.size = BytesPerSecond{0x1p-30 * problem.size()[demand]}}));
    for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path)
      REQUIRE(scaled.add_path(problem.path(path)));
  }
  const auto found = maximise_total_flow(problem);
  const auto again = maximise_total_flow(scaled);
  CHECK(found.prices == again.prices);
  CHECK(found.value * 0x1p-30 == again.value);
}

}  // namespace
}  // namespace axs::net
