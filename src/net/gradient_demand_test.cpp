#include "axs/net/gradient_demand.h"

#include <doctest/doctest.h>

#include "axs/net/controller.h"

using namespace axs;
using namespace axs::net;

namespace {

constexpr SiteId a{0}, b{1}, c{2};
constexpr Bytes message{10e6};

UnderlayLink link(std::uint32_t id, SiteId from, SiteId to, int ms, double megabits) {
  const BytesPerSecond rate = bits_per_second(megabits * 1e6);
  return {LinkId{id}, from, to, milliseconds(ms), rate, rate};
}

/// Link 0 is quicker and narrow, 1 wide; beyond b there is c.
Topology two_ways() {
  return *Topology::make(
      {a, b, c}, {link(0, a, b, 30, 100), link(1, a, b, 50, 1000), link(2, b, c, 10, 10'000)});
}

/// What a controller orders for each pair, one after the other, round after round, until nothing
/// changes.
std::map<std::pair<SiteId, SiteId>, PathId> settled(const Topology& topology,
                                                    const std::vector<GradientDemand>& demands) {
  Controller controller{{.topology = topology, .gradients = demands}};
  std::map<std::pair<SiteId, SiteId>, LinkReport> reports;
  for (const auto& [from, to, bytes] : demands) {
    LinkReport& report = reports[{from, to}];
    report.from = from;
    report.to = to;
    report.token = 1;
    for (const CandidatePath& path : topology.paths(from, to))
      report.paths.push_back({.path = path.id, .up = true, .rtt = 2 * path.nominal});
  }
  Instant now{};
  for (int round = 0; round < 200; ++round, now = now + seconds(1))
    for (auto& [pair, report] : reports) {
      ++report.sequence;
      std::vector<Controller::Action> actions;
      controller.step(now, ReportReceived{report}, actions);
      for (const auto& action : actions)
        if (const auto* order = std::get_if<RouteOrder>(&action)) {
          report.applied = order->fence;
          report.routes = order->routes;
        }
    }
  std::map<std::pair<SiteId, SiteId>, PathId> routes;
  for (const auto& [pair, report] : reports)
    routes[pair] = report.routes[static_cast<std::size_t>(TrafficClass::gradient)]->primary;
  return routes;
}

}  // namespace

TEST_SUITE_BEGIN("gradient demand");

TEST_CASE("gradient demand: a message takes what the narrowest link needs for all that cross it") {
  const Topology topology = two_ways();
  DemandLoad load{topology, {{a, b, message}, {a, c, 2 * message}}};
  CHECK(load.transfer(a, b, PathId{0}) == milliseconds(800));
  CHECK(load.transfer(a, b, PathId{1}) == milliseconds(80));
  CHECK(load.transfer(b, a, PathId{0}) == Duration{});
  load.route(a, b, PathId{1});
  CHECK(load.transfer(a, b, PathId{1}) == milliseconds(80));  // Its own is counted once.
  CHECK(load.transfer(a, c, PathId{0}) == milliseconds(1600));
  CHECK(load.transfer(a, c, PathId{1}) == milliseconds(240));
  load.route(a, b, std::nullopt);
  CHECK(load.transfer(a, c, PathId{1}) == milliseconds(160));
}

TEST_CASE("gradient demand: each of the sites sends to every other one") {
  const std::vector sites{a, c};
  const auto demands = exchange_demands(sites, message);
  REQUIRE(demands.size() == 2);
  CHECK(demands[0].from == a);
  CHECK(demands[0].to == c);
  CHECK(demands[1].from == c);
  CHECK(demands[1].message == message);
}

TEST_CASE(
    "gradient demand: the quickest path is up, and the one where the message is there first") {
  const DemandLoad load{two_ways(), {{a, b, message}}};
  std::vector<PathReport> paths{{.path = PathId{0}, .up = true, .rtt = milliseconds(60)},
                                {.path = PathId{1}, .up = true, .rtt = milliseconds(100)}};
  CHECK(load.quickest(a, b, paths) == PathId{1});
  CHECK(load.cost(a, b, paths[0]) == milliseconds(860));
  paths[1].up = false;
  CHECK(load.quickest(a, b, paths) == PathId{0});
  paths[0].up = false;
  CHECK_FALSE(load.quickest(a, b, paths));
}

TEST_CASE("gradient demand: a path whose rate nobody knows costs nothing more") {
  const Topology topology = *Topology::make({a, b}, {link(0, a, b, 30, 0)});
  CHECK(DemandLoad{topology, {{a, b, message}}}.transfer(a, b, PathId{0}) == Duration{});
}

TEST_CASE(
    "gradient demand: gradients take the wide path where they are large, the quick one else") {
  const std::pair ab{a, b};
  CHECK(settled(two_ways(), {{a, b, Bytes{1000}}}).at(ab) == PathId{0});
  CHECK(settled(two_ways(), {{a, b, message}}).at(ab) == PathId{1});
}

TEST_CASE("gradient demand: pairs that meet on a link spread over what there is, and stay") {
  const Topology topology = *Topology::make(
      {a, b, c}, {link(0, a, b, 30, 100), link(1, a, b, 31, 100), link(2, b, c, 10, 10'000)});
  const auto routes = settled(topology, {{a, b, message}, {a, c, message}});
  const auto& to_c = topology.paths(a, c);
  const LinkId of_b = topology.paths(a, b)[routes.at({a, b}).value].links[0];
  CHECK(to_c[routes.at({a, c}).value].links[0] != of_b);
}

TEST_SUITE_END();
