#include "axs/fabric/route_forecast.h"

#include <doctest/doctest.h>

#include "axs/fabric/planned_wires_testing.h"

using namespace axs;
using namespace axs::fabric;
using namespace axs::fabric::wires;

namespace {

constexpr SiteId a{0}, b{1}, c{2};
constexpr Bytes message{10e6};

NetworkForecast left_by(const std::vector<LinkPlan>& links, const PlannedExchange& exchange) {
  return route_forecast(topology_of(links), links, exchange);
}

double megabits(const plan::SiteLink& link) {
  return link.rate.value() * 8e-6;
}

}  // namespace

TEST_CASE("route forecast: one path carries a message, the quick one if small, the wide one else") {
  const std::vector links{wire(0, a, b, 100, 30), wire(1, a, b, 1000, 50)};
  const auto large = left_by(links, {{a, b}, message});
  REQUIRE(large.links.size() == 1);
  CHECK(large.spells.size() == 1);
  CHECK(megabits(large.links[0]) == doctest::Approx(1000));
  CHECK(large.links[0].round_trip.value() == doctest::Approx(0.1));
  const auto small = left_by(links, {{a, b}, Bytes{1000}});
  CHECK(megabits(small.links[0]) == doctest::Approx(100));
  CHECK(small.links[0].round_trip.value() == doctest::Approx(0.06));
}

TEST_CASE("route forecast: messages share the links that they cross; who sends none adds nothing") {
  const std::vector links{wire(0, a, b, 1000, 30), wire(1, b, c, 1000, 30)};
  const auto all = left_by(links, {{a, b, c}, message});
  REQUIRE(all.links.size() == 3);
  for (const plan::SiteLink& link : all.links) CHECK(megabits(link) == doctest::Approx(500));
  const auto two = left_by(links, {{a, b}, message});
  REQUIRE(two.links.size() == 3);
  CHECK(megabits(two.links[0]) == doctest::Approx(1000));  // a and b.
  CHECK(megabits(two.links[1]) == doctest::Approx(500));   // a and c, if they did.
  CHECK(megabits(two.links[2]) == doctest::Approx(1000));  // b and c.
  const auto none = left_by(links, {{a}, message});
  for (const plan::SiteLink& link : none.links) CHECK(megabits(link) == doctest::Approx(1000));
}

TEST_CASE("route forecast: a link that is far too slow for the message is as slow as it is") {
  const auto left = left_by({wire(0, a, b, 0.001, 30)}, {{a, b}, Bytes{1.4e9}});
  REQUIRE(left.links.size() == 1);
  CHECK(megabits(left.links[0]) == doctest::Approx(0.001));
}

TEST_CASE("route forecast: pairs that meet on a link spread over what there is") {
  const std::vector links{wire(0, a, b, 100, 30), wire(1, a, b, 100, 31),
                          wire(2, b, c, 10'000, 10)};
  const auto left = left_by(links, {{a, b, c}, message});
  REQUIRE(left.links.size() == 3);
  CHECK(megabits(left.links[0]) == doctest::Approx(100));
  CHECK(megabits(left.links[1]) == doctest::Approx(100));
}

TEST_CASE("route forecast: while the best link is down another carries, and traffic comes back") {
  const std::vector links{broken(wire(0, a, b, 1000, 30), 120, 240), wire(1, a, b, 100, 50)};
  const auto left = left_by(links, {{a, b}, message});
  REQUIRE(left.links.size() >= 3);
  CHECK(megabits(left.links.front()) == doctest::Approx(1000));
  CHECK(megabits(left.links[1]) == doctest::Approx(100));
  CHECK(left.links[1].round_trip.value() == doctest::Approx(0.1));
  CHECK(megabits(left.links.back()) == doctest::Approx(1000));
}

TEST_CASE("route forecast: a link that loses packets carries less, and what is down waits") {
  LinkPlan lossy = wire(0, a, b, 1000, 30);
  lossy.forth.loss = 0.1;
  CHECK(megabits(left_by({lossy}, {{a, b}, message}).links[0]) == doctest::Approx(900));
  const auto late = left_by({broken(wire(0, a, b, 1000, 30), 60, 120)}, {{a, b}, message});
  REQUIRE(late.links.size() >= 2);
  CHECK(late.links[1].round_trip.value() == doctest::Approx(60.06));
}
