#include "axs/twin/exchange.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::twin;

namespace {

constexpr SiteId a{0}, b{1}, c{2};
constexpr std::uint64_t megabyte = 1'000'000;

catalog::Link wire(SiteId from, SiteId to, Duration delay, double megabytes_per_second) {
  catalog::Link link{.a = from, .b = to, .kind = catalog::LinkKind::wire};
  link.rate_ab = link.rate_ba = BytesPerSecond{megabytes_per_second * megabyte};
  link.one_way = delay;
  return link;
}

/// a and c over b; between a and b two links, of which the slower has the lesser delay.
catalog::Scenario chain() {
  catalog::Scenario scenario;
  scenario.name = "chain";
  scenario.sites = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
  scenario.links = {wire(a, b, milliseconds(50), 100), wire(a, b, milliseconds(10), 10),
                    wire(b, c, milliseconds(20), 40)};
  scenario.links[0].kind = catalog::LinkKind::fibre;
  return scenario;
}

Result<Exchange> exchanged(const catalog::Scenario& scenario) {
  const auto links = fabric::plan_links(scenario, {}, seconds(1));
  REQUIRE(links);
  return exchange(scenario, *links, megabyte);
}

}  // namespace

TEST_CASE("exchange: all to all, max-min fair, over the paths of the least delay") {
  catalog::Scenario scenario = chain();
  scenario.links.erase(scenario.links.begin());
  const auto result = exchanged(scenario);
  REQUIRE(result);
  REQUIRE(result->transfers.size() == 6);
  // a to b and a to c share 10 MB/s; b to c has what that leaves of 40.
  CHECK(result->transfers[0].took.seconds() == doctest::Approx(0.2 + 0.010));
  CHECK(result->transfers[1].took.seconds() == doctest::Approx(0.2 + 0.030).epsilon(0.001));
  CHECK(result->transfers[3].took.seconds() == doctest::Approx(1.0 / 35 + 0.020));
  // From c to a: the slow link comes last, and repeats the last packet.
  CHECK(result->took == result->transfers[4].took);
  REQUIRE(result->loads.size() == 4);
  CHECK(result->loads[0].bytes == 2 * megabyte);
  CHECK(result->loads[0].busy == doctest::Approx(1));
  CHECK(result->loads[2].busy == doctest::Approx(0.25));
}

TEST_CASE("exchange: the same bits on every run, others for other bytes") {
  const catalog::Scenario scenario = chain();
  const auto links = fabric::plan_links(scenario, {}, seconds(1));
  REQUIRE(links);
  const auto first = exchange(scenario, *links, megabyte);
  REQUIRE(first);
  CHECK(exchange(scenario, *links, megabyte)->digest == first->digest);
  CHECK(exchange(scenario, *links, 2 * megabyte)->digest != first->digest);
}

TEST_CASE("exchange: what never ends is an error") {
  catalog::Scenario scenario = chain();
  auto links = fabric::plan_links(scenario, {}, seconds(1));
  REQUIRE(links);
  (*links)[2].forth_forecast = {{.at = {}, .one_way = milliseconds(1), .up = false}};
  const auto result = exchange(scenario, *links, megabyte);
  REQUIRE_FALSE(result);
  CHECK(result.error().what == "chain: a transfer has no link that works at the start, want one");
}
