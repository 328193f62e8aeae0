#include "axs/net/controller.h"

#include <doctest/doctest.h>

namespace axs::net {
namespace {

static_assert(Policy<Controller>);

constexpr SiteId a{0}, b{1};

/// Two links: 0 is quicker and narrow, 1 wide.
Topology two_links() {
  return *Topology::make(
      {a, b}, {{LinkId{0}, a, b, milliseconds(30), bits_per_second(1e8), bits_per_second(1e8)},
               {LinkId{1}, a, b, milliseconds(50), bits_per_second(1e9), bits_per_second(1e9)}});
}

class Bench {
 public:
  explicit Bench(std::uint64_t term = 1, const Topology& topology = two_links())
      : controller{{.topology = topology, .term = term}} {
    report.from = a;
    report.to = b;
    report.token = 1;
    for (const auto& path : topology.paths(a, b))
      report.paths.push_back({.path = path.id, .up = true, .rtt = 2 * path.nominal});
    report.routes.fill(ClassRoute{PathId{0}, PathId{1}});
  }
  /// One more report a second later; the order that followed, if any.
  std::optional<RouteOrder> tell() {
    now = now + seconds(1);
    ++report.sequence;
    return repeat();
  }
  std::optional<RouteOrder> repeat() {
    actions.clear();
    controller.step(now, ReportReceived{report}, actions);
    std::optional<RouteOrder> order;
    for (const auto& action : actions)
      if (const auto* found = std::get_if<RouteOrder>(&action)) order = *found;
    return order;
  }
  void obey(const RouteOrder& order) {
    report.applied = order.fence;
    report.routes = order.routes;
  }
  std::vector<RouteChanged> changes() const {
    std::vector<RouteChanged> found;
    for (const auto& action : actions)
      if (const auto* change = std::get_if<RouteChanged>(&action)) found.push_back(*change);
    return found;
  }

  /// What was said of leases since; the last one.
  std::optional<LeaseGranted> lease() const {
    std::optional<LeaseGranted> found;
    for (const auto& action : actions)
      if (const auto* lease = std::get_if<LeaseGranted>(&action)) found = *lease;
    return found;
  }

  Controller controller;
  LinkReport report;
  Instant now{-seconds(100).ns};
  std::vector<Controller::Action> actions;
};

TEST_CASE("the first report of an agent is answered with an order") {
  Bench bench;
  const auto order = bench.tell();
  REQUIRE(order);
  CHECK(order->fence == Fence{1, 1});
  CHECK(order->routes[0] == ClassRoute{PathId{0}, PathId{1}});
  CHECK(order->routes[1] == ClassRoute{PathId{0}, PathId{1}});
  CHECK(order->routes[2] == ClassRoute{PathId{1}, PathId{0}});  // bulk: the wide one.
  REQUIRE(bench.changes().size() == 1);
  CHECK(bench.changes()[0].traffic == TrafficClass::bulk);
}

TEST_CASE("an order that is not taken is given again, the same one, every two seconds") {
  Bench bench;
  const auto order = bench.tell();
  CHECK_FALSE(bench.tell());
  const auto again = bench.tell();
  REQUIRE(again);
  CHECK(again->fence == order->fence);
  CHECK(again->routes == order->routes);
  bench.obey(*order);
  for (int i = 0; i < 60; ++i) CHECK_FALSE(bench.tell());
}

TEST_CASE("old, repeated and senseless reports are ignored") {
  Bench bench;
  bench.obey(*bench.tell());
  bench.report.paths[0].up = false;
  CHECK_FALSE(bench.repeat());  // The same sequence.
  bench.report.token = 0;
  CHECK_FALSE(bench.tell());  // An earlier incarnation.
  bench.report.token = 1;
  const LinkReport good = bench.report;
  const auto refuse = [&](auto spoil) {
    bench.report = good;
    bench.report.sequence += 10;
    spoil(bench.report);
    CHECK_FALSE(bench.tell());
  };
  refuse([](LinkReport& report) { report.to = SiteId{9}; });
  refuse([](LinkReport& report) { report.to = report.from; });
  refuse([](LinkReport& report) { report.paths.pop_back(); });
  refuse([](LinkReport& report) { report.paths[1].path = PathId{0}; });
  refuse([](LinkReport& report) { report.routes[0]->primary = PathId{2}; });
  refuse([](LinkReport& report) { report.routes[0]->backup = PathId{2}; });
  bench.report = good;
  CHECK(bench.tell());  // This one is as it should be.
}

TEST_CASE("a dead path is left at once") {
  Bench bench;
  bench.obey(*bench.tell());
  bench.report.paths[0].up = false;
  const auto order = bench.tell();
  REQUIRE(order);
  CHECK(order->routes[0] == ClassRoute{PathId{1}, std::nullopt});
  CHECK(order->fence == Fence{1, 2});
  REQUIRE(bench.changes().size() == 2);  // bulk was there already.
  CHECK(bench.changes()[0].reason == RouteReason::cut);
}

TEST_CASE("a better path is taken after twenty seconds of being better without a break") {
  Bench bench;
  bench.obey(*bench.tell());
  for (int i = 0; i < 30; ++i) CHECK_FALSE(bench.tell());
  const auto swap = [&] { std::swap(bench.report.paths[0].rtt, bench.report.paths[1].rtt); };
  swap();
  for (int i = 0; i < 20; ++i) CHECK_FALSE(bench.tell());
  swap();
  CHECK_FALSE(bench.tell());
  swap();
  for (int i = 0; i < 20; ++i) CHECK_FALSE(bench.tell());
  const auto order = bench.tell();
  REQUIRE(order);
  CHECK(order->routes[1] == ClassRoute{PathId{1}, PathId{0}});
  CHECK(bench.changes()[0].reason == RouteReason::slower);
}

TEST_CASE("a class is not moved twice within a damping period unless its path dies") {
  std::vector<UnderlayLink> links;
  for (std::uint32_t i = 0; i < 3; ++i)
    links.push_back({LinkId{i}, a, b, milliseconds(30 + 20 * i)});
  Bench bench{1, *Topology::make({a, b}, links)};
  auto& paths = bench.report.paths;
  const auto primary = [&] {
    if (const auto order = bench.tell()) bench.obey(*order);
    return bench.report.routes[0]->primary;
  };
  for (int i = 0; i < 5; ++i) CHECK(primary() == PathId{0});
  paths[0].up = false;
  CHECK(primary() == PathId{1});
  paths[0].up = true;  // Attractive again from ten seconds after the next report on.
  for (int i = 0; i < 8; ++i) CHECK(primary() == PathId{1});
  paths[1].up = false;
  // Path 0 is attractive two seconds later, but this move was the last for ten.
  for (int i = 0; i < 10; ++i) CHECK(primary() == PathId{2});
  CHECK(primary() == PathId{0});
}

TEST_CASE("bulk leaves the wide path when it has become too slow for it") {
  Bench bench;
  bench.obey(*bench.tell());
  for (int i = 0; i < 30; ++i) CHECK_FALSE(bench.tell());
  bench.report.paths[1].rtt = milliseconds(190);  // More than three times 60 ms.
  std::optional<RouteOrder> order;
  for (int i = 0; i < 25 && !order; ++i) order = bench.tell();
  REQUIRE(order);
  CHECK(order->routes[2]->primary == PathId{0});
}

TEST_CASE("a new controller takes over from the routes that it finds") {
  Bench bench{7};
  bench.report.applied = {6, 40};
  bench.report.routes.fill(ClassRoute{PathId{1}, PathId{0}});
  // 60 against 100 ms: better, but not before the holding time; nothing is moved on arrival.
  for (int i = 0; i < 21; ++i) {
    const auto order = bench.tell();
    if (i < 20)
      CHECK_FALSE(order);
    else
      CHECK((order && order->fence == Fence{7, 1} && order->routes[0]->primary == PathId{0}));
  }
}

TEST_CASE("a controller that meets a later one's order gives no more") {
  Bench bench;
  bench.obey(*bench.tell());
  bench.report.applied = {2, 1};
  bench.report.paths[0].up = false;
  CHECK_FALSE(bench.tell());
  REQUIRE(bench.actions.size() == 1);
  CHECK(std::get<Superseded>(bench.actions[0]).term == 2);
  bench.report.applied = {1, 1};
  CHECK_FALSE(bench.tell());
  CHECK(bench.actions.empty());
}

TEST_CASE("a lease is told when it begins, changes and ends, not when it is renewed") {
  Bench bench;
  bench.obey(*bench.tell());
  CHECK_FALSE(bench.lease());
  bench.report.use = {
      .bulk_waiting = 800'000'000, .gradient_rate = BytesPerSecond{1e6}, .gradient_burst = 100'000};
  const auto order = bench.tell();
  REQUIRE(order);
  REQUIRE(bench.lease());
  CHECK(bench.lease()->bulk == order->bulk);
  CHECK(bench.lease()->from == a);
  CHECK(bench.lease()->to == b);
  CHECK(bench.lease()->lasting == seconds(4));
  CHECK(bench.lease()->use == bench.report.use);
  bench.obey(*order);
  int renewed = 0;
  for (int i = 0; i < 10; ++i) {
    const auto next = bench.tell();
    if (next) bench.obey(*next), ++renewed;
    CHECK_FALSE(bench.lease());
  }
  CHECK(renewed == 5);
  // Nothing was heard of the site for so long that its lease has lapsed.
  bench.now = bench.now + seconds(4);
  CHECK(bench.tell());
  CHECK(bench.lease());
  bench.report.use.bulk_waiting = 0;
  bench.now = bench.now + seconds(2);
  CHECK(bench.tell());
  REQUIRE(bench.lease());
  CHECK(bench.lease()->bulk.empty());
}

TEST_CASE("bulk need not wait for a lease until paths that all died are trusted again") {
  Bench bench;
  bench.obey(*bench.tell());
  for (auto& path : bench.report.paths) path.up = false;
  (void)bench.tell();
  bench.now = bench.now + seconds(2);
  for (auto& path : bench.report.paths) path.up = true;
  bench.report.use.bulk_waiting = 800'000'000;
  bench.tell();
  REQUIRE(bench.lease());
  CHECK(bench.lease()->bulk.size() == 2);
}

}  // namespace
}  // namespace axs::net
