#include "axs/net/max_min.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>

#include "axs/net/flow_testing.h"
#include "axs/net/simplex_testing.h"

namespace axs::net {
namespace {

constexpr double tolerance = 1e-5;

/// The greatest part of itself by which a demand of the class can grow while no other one of it
/// with a rate per weight up to its own loses anything, by a linear program of its own: 0 is what
/// max-min fair means.
double greatest_growth(const FlowProblem& problem, const MaxMinFlow& found, std::size_t demand) {
  const auto traffic = problem.traffic(demand);
  const auto rates = demand_rates(problem, found.flows);
  const double level = rates[demand] / problem.weight()[demand] * (1 + 1e-7);
  // A rate that must be kept is a reward so great that nothing else is worth it.
  auto program = testing::flow_program(problem);
  const auto left = capacity_left(problem, found.flows, traffic);
  std::copy(left.begin(), left.end(), program.limits.begin());
  double kept = 0;
  for (std::size_t other = 0; other < problem.demands(); ++other) {
    const bool keep = other != demand && problem.traffic(other) == traffic &&
                      rates[other] / problem.weight()[other] <= level;
    for (auto path = problem.first_path(other); path < problem.first_path(other + 1); ++path)
      program.gain[path] = other == demand ? 1 : keep ? 1000 : 0;
    if (!keep) continue;
    program.limits[problem.links() + other] = rates[other];
    kept += 1000 * rates[other];
  }
  const double now = rates[demand];
  return (testing::greatest_gain(program) - kept - now) / problem.size()[demand];
}

TEST_CASE("three demands over two links: the textbook's shares") {
  const std::array capacities{BytesPerSecond{10}, BytesPerSecond{4}};
  auto problem = *FlowProblem::make(capacities);
  const auto add = [&](std::vector<std::uint32_t> path) {
    REQUIRE(problem.add_demand({.size = BytesPerSecond{100}}));
    REQUIRE(problem.add_path(path));
  };
  add({0, 1});
  add({0});
  add({1});
  const auto found = share_max_min(problem);
  CHECK(found.flows[0] == doctest::Approx(2));
  CHECK(found.flows[1] == doctest::Approx(8));
  CHECK(found.flows[2] == doctest::Approx(2));
  CHECK(found.levels.size() == 2);
  CHECK(max_min_doubt(problem, found) < tolerance);
}

TEST_CASE("two paths count as one demand, and weights as shares") {
  const std::array capacities{BytesPerSecond{6}, BytesPerSecond{6}};
  auto problem = *FlowProblem::make(capacities);
  REQUIRE(problem.add_demand({.size = BytesPerSecond{100}, .weight = 2}));
  REQUIRE(problem.add_path(std::array{0U}));
  REQUIRE(problem.add_path(std::array{1U}));
  REQUIRE(problem.add_demand({.size = BytesPerSecond{100}}));
  REQUIRE(problem.add_path(std::array{0U}));
  const auto found = share_max_min(problem);
  CHECK(demand_rates(problem, found.flows)[0] == doctest::Approx(8));
  CHECK(demand_rates(problem, found.flows)[1] == doctest::Approx(4));
}

TEST_CASE("a higher class takes all it wants first") {
  const std::array capacities{BytesPerSecond{10}};
  auto problem = *FlowProblem::make(capacities);
  for (const auto traffic : {TrafficClass::bulk, TrafficClass::gradient, TrafficClass::control}) {
    REQUIRE(problem.add_demand({.size = BytesPerSecond{6}, .traffic = traffic}));
    REQUIRE(problem.add_path(std::array{0U}));
  }
  const auto found = share_max_min(problem);
  CHECK(found.flows[2] == doctest::Approx(6));
  CHECK(found.flows[1] == doctest::Approx(4));
  CHECK(found.flows[0] == 0);
  CHECK(max_min_doubt(problem, found) < tolerance);
}

TEST_CASE("no demand can grow unless one with no more shrinks, says a plain simplex") {
  CHECK(rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto problem = testing::any_problem(*rc::gen::inRange(2U, 6U), seed);
    const auto found = share_max_min(problem);
    const auto rates = demand_rates(problem, found.flows);
    RC_ASSERT(max_min_doubt(problem, found) < tolerance);
    const auto demand = Rng{seed}.below(problem.demands());
    if (problem.size()[demand] == 0) return;
    RC_ASSERT(rates[demand] <= problem.size()[demand]);
    RC_ASSERT(greatest_growth(problem, found, demand) < tolerance);
  }));
}

TEST_CASE("larger networks of every kind have a proof that holds") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto problem = testing::any_problem(12, seed);
    CHECK(max_min_doubt(problem, share_max_min(problem)) < tolerance);
  }
}

TEST_CASE("the checker doubts what is not max-min fair") {
  const testing::WanShape shape{.sites = 8, .links = 24, .load = 5};
  const auto problem = testing::wan_problem(shape, 3);
  const auto found = share_max_min(problem);
  REQUIRE(found.levels.size() > 1);
  auto less = found;
  for (auto& flow : less.flows) flow *= 0.9;
  CHECK(max_min_doubt(problem, less) > 0.01);
  auto unproved = found;
  for (auto& level : unproved.levels) level.prices.pop_back();
  CHECK(max_min_doubt(problem, unproved) > 0.01);
  auto claimed = found;
  claimed.level_of.assign(problem.demands(), MaxMinFlow::satisfied);
  CHECK(max_min_doubt(problem, claimed) > 0.01);
}

}  // namespace
}  // namespace axs::net
