#include "axs/fabric/network_forecast.h"

#include <doctest/doctest.h>

#include "axs/fabric/planned_wires_testing.h"

using namespace axs;
using namespace axs::fabric;
using axs::fabric::wires::broken;

namespace {

LinkPlan wire(std::uint32_t a, std::uint32_t b, double gigabits, double one_way) {
  LinkPlan link;
  link.a = SiteId{a};
  link.b = SiteId{b};
  link.forth.rate = link.back.rate = bits_per_second(gigabits * 1e9);
  link.forth.delay = link.back.delay = from_seconds(one_way);
  return link;
}

double gigabits(const plan::SiteLink& link) {
  return link.rate.value() * 8e-9;
}

}  // namespace

TEST_CASE("network forecast: wires stay as they are; those between two sites add up") {
  LinkPlan slower_back = wire(1, 0, 4, 0.05);
  slower_back.back.rate = bits_per_second(1e9);
  const auto forecast =
      network_forecast(std::vector{wire(0, 1, 2, 0.1), slower_back, wire(2, 1, 1, 0.01)});
  REQUIRE(forecast.spells.size() == 1);
  CHECK(forecast.spells[0].value() == doctest::Approx(600));
  REQUIRE(forecast.links.size() == 2);
  CHECK(forecast.links[0].from == 0);
  CHECK(forecast.links[0].to == 1);
  CHECK(gigabits(forecast.links[0]) == doctest::Approx(3));
  CHECK(forecast.links[0].round_trip.value() == doctest::Approx(0.1));
  CHECK(forecast.links[1].from == 1);
  CHECK(forecast.links[1].to == 2);
}

TEST_CASE("network forecast: a short break takes of its spell, a long one makes others wait") {
  const auto brief = network_forecast(std::vector{broken(wire(0, 1, 8, 0.1), 60, 90)});
  REQUIRE(brief.spells.size() == 3);
  CHECK(brief.spells[1].value() == doctest::Approx(60));
  CHECK(brief.spells[2].value() == doctest::Approx(480));
  CHECK(gigabits(brief.links[1]) == doctest::Approx(4));
  CHECK(brief.links[1].spell == 1);
  const auto lasting = network_forecast(std::vector{broken(wire(0, 1, 8, 0.1), 60, 180)});
  REQUIRE(lasting.links.size() == 4);
  CHECK(lasting.links[1].round_trip.value() == doctest::Approx(120.2));
  CHECK(lasting.links[2].round_trip.value() == doctest::Approx(60.2));
  CHECK(lasting.links[3].round_trip.value() == doctest::Approx(0.2));
  CHECK(gigabits(lasting.links[1]) == doctest::Approx(8));
}

TEST_CASE("network forecast: another link carries what it can while one is down") {
  const auto forecast =
      network_forecast(std::vector{broken(wire(0, 1, 8, 0.1), 60, 180), wire(0, 1, 1, 0.2)});
  REQUIRE(forecast.spells.size() == 3);
  CHECK(gigabits(forecast.links[0]) == doctest::Approx(9));
  CHECK(gigabits(forecast.links[1]) == doctest::Approx(1));
  CHECK(forecast.links[1].round_trip.value() == doctest::Approx(0.4));
}

TEST_CASE("network forecast: what is lost is not carried, and what loses all is no link") {
  LinkPlan lossy = wire(0, 1, 4, 0.1);
  lossy.back.loss = 0.25;
  LinkPlan dead = wire(1, 2, 8, 0.1);
  dead.forth.loss = dead.back.loss = 1;
  const auto forecast = network_forecast(std::vector{lossy, dead});
  REQUIRE(forecast.links.size() == 1);
  CHECK(gigabits(forecast.links[0]) == doctest::Approx(3));
}

TEST_CASE("network forecast: measured rates as they were; what never passes is no link") {
  LinkPlan measured = wire(0, 1, 1, 0.1);
  measured.forth.capacity = {seconds(60), {1'000'000, 3'000'000}};
  const auto forecast = network_forecast(std::vector{measured, broken(wire(1, 2, 8, 0.1), 0, 1e6)});
  REQUIRE(forecast.links.size() == 10);
  CHECK(forecast.links[0].rate.value() == doctest::Approx(1e6));
  CHECK(forecast.links[1].rate.value() == doctest::Approx(3e6));
}
