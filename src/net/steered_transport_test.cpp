#include "axs/net/steered_transport.h"

#include <doctest/doctest.h>

#include <cmath>

namespace axs::net {
namespace {

constexpr PathId fibre{0}, leo{1};

struct Bench {
  Bench() {
    for (const PathId path : {fibre, leo}) step(PathUp{path});
    step(RouteSet{TrafficClass::bulk, fibre, leo});
    order.bulk = {{fibre, BytesPerSecond{2e6}}, {leo, BytesPerSecond{1e6}}};
    order.lasting = seconds(4);
  }
  void step(const Transport::Event& event) { transport.step(now, event, actions); }
  bool obey() { return transport.obey(now, order, actions); }
  std::vector<PathId> paths() const { return transport.lease().paths; }

  SteeredTransport transport{Transport::Config{}};
  Instant now{-seconds(7).ns};
  RouteOrder order;
  std::vector<Transport::Action> actions;
};

TEST_CASE("a lease ends by the site's own clock, unless it is renewed") {
  Bench at;
  CHECK(at.obey());
  CHECK(at.paths() == std::vector{fibre, leo});
  CHECK(at.transport.lease().rates == std::vector<std::uint64_t>{2'000'000, 1'000'000});
  REQUIRE(at.transport.wakeup());
  CHECK(*at.transport.wakeup() <= at.now + seconds(4));
  at.now = at.now + seconds(3);
  CHECK(at.obey());
  at.now = at.now + seconds(3);
  at.step(Wakeup{});
  CHECK(at.paths() == std::vector{fibre, leo});
  CHECK_FALSE(at.transport.lapsed());
  at.now = at.now + seconds(1);
  at.step(Wakeup{});
  CHECK(at.paths().empty());
  CHECK(at.transport.lapsed());
  CHECK_FALSE(at.transport.lapsed());
}

TEST_CASE("an order without shares ends the lease before") {
  Bench at;
  at.obey();
  at.order.bulk.clear();
  CHECK(at.obey());
  CHECK(at.paths().empty());
  CHECK_FALSE(at.transport.lapsed());
}

TEST_CASE("what is leased on a path ends with its death, and is not for a path that is dead") {
  Bench at;
  at.obey();
  at.step(PathDown{leo});
  CHECK(at.paths() == std::vector{fibre});
  at.step(PathUp{leo});
  CHECK(at.paths() == std::vector{fibre});
  at.step(PathDown{fibre});
  CHECK(at.paths().empty());
  at.obey();
  CHECK(at.paths() == std::vector{leo});
}

TEST_CASE("senseless orders are refused, and take away what was leased") {
  const auto refused = [](auto spoil) {
    Bench at;
    REQUIRE(at.obey());
    spoil(at.order);
    return !at.obey() && at.paths().empty();
  };
  const auto rate = [&](double bad) {
    return refused([&](RouteOrder& order) { order.bulk[0].rate = BytesPerSecond{bad}; });
  };
  CHECK(rate(0));
  CHECK(rate(-1));
  CHECK(rate(1e14));
  CHECK(rate(NAN));
  CHECK(refused([](RouteOrder& order) { order.bulk[0].path = PathId{16}; }));
  CHECK(refused([](RouteOrder& order) { order.bulk[1].path = fibre; }));
  CHECK(refused([](RouteOrder& order) { order.lasting = seconds(-1); }));
  CHECK(refused([](RouteOrder& order) { order.lasting = seconds(61); }));
}

TEST_CASE("a report says what waits; that much bulk has begun to wait is said once") {
  Bench at;
  CHECK_FALSE(at.transport.has_news());
  at.step(SendMessage{TrafficClass::bulk, 1, 5'000'000});
  CHECK(at.transport.has_news());
  CHECK_FALSE(at.transport.has_news());
  LinkReport report{.from = SiteId{0}, .to = SiteId{1}, .paths = {{.path = fibre}}};
  at.transport.describe(at.now, report);
  CHECK(report.use.bulk_waiting == 5'000'000);
  CHECK(report.paths[0].carries == PathCapacity{});
  at.step(SendMessage{TrafficClass::gradient, 1, 70'000});
  at.step(SendMessage{TrafficClass::gradient, 2, 30'000});
  at.transport.describe(at.now, report);
  CHECK(report.use.gradient_burst == 100'000);
}

TEST_CASE("what gradients use is a high quantile of their seconds, and their greatest burst") {
  GradientUse use;
  Instant now{};
  std::uint64_t total = 0;
  const auto second = [&](std::uint64_t bytes) {
    use.waits(bytes);
    use.sent(now = now + seconds(1), total += bytes);
  };
  CHECK(use.rate() == BytesPerSecond{});
  use.sent(now, 0);
  for (int i = 0; i < 60; ++i) second(i % 10 == 0 ? 5'000 : 100);  // One second in ten.
  CHECK(use.rate().value() == doctest::Approx(5'000));
  CHECK(use.burst() == 5'000);
  for (int i = 0; i < 64; ++i) second(100);
  CHECK(use.rate().value() == doctest::Approx(100));
  CHECK(use.burst() == 100);
}

}  // namespace
}  // namespace axs::net
