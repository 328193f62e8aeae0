#include "axs/fabric/link_plan.h"

#include <doctest/doctest.h>

#include "axs/orbit/fibre.h"

using namespace axs;
using namespace axs::catalog;
using namespace axs::fabric;

namespace {

Scenario pair_of_sites() {
  Scenario scenario;
  scenario.sites = {{.name = "sfo", .at = {37.77, -122.42}}, {.name = "fra", .at = {50.11, 8.68}}};
  for (const LinkKind kind : {LinkKind::fibre, LinkKind::leo})
    scenario.links.push_back({.a = SiteId{0},
                              .b = SiteId{1},
                              .kind = kind,
                              .rate_ab = bits_per_second(1e8),
                              .rate_ba = bits_per_second(1e8)});
  WalkerShell shell{.altitude = Meters{550e3}, .planes = 72, .per_plane = 22};
  scenario.sky = Sky{.satellites = shell, .start = {}, .speed = 10};
  return scenario;
}

}  // namespace

TEST_CASE("link plan: fibre takes its route, the sky moves, nothing beats light") {
  const Scenario scenario = pair_of_sites();
  const auto satellites = shell_satellites(std::get<WalkerShell>(scenario.sky->satellites), {});
  REQUIRE(satellites);
  const auto plans = plan_links(scenario, *satellites, seconds(60));
  REQUIRE(plans);
  const LinkPlan& fibre = (*plans)[0];
  const LinkPlan& leo = (*plans)[1];
  CHECK(fibre.name == "sfo-fra fibre");
  CHECK(leo.name == "sfo-fra leo");
  CHECK(fibre.forth_forecast.empty());
  const Duration bound = orbit::light_bound(scenario.sites[0].at, scenario.sites[1].at);
  // 9,134 km times 1.4 at two thirds of c.
  CHECK(fibre.forth.delay.seconds() == doctest::Approx(0.0640).epsilon(0.01));
  REQUIRE(leo.forth_forecast.size() == 600);
  std::uint32_t paths = 0;
  for (const DelaySample& sample : leo.forth_forecast) {
    CHECK(sample.up);
    CHECK(sample.one_way > bound);
    CHECK(sample.one_way < fibre.forth.delay);
    paths = std::max(paths, sample.path);
  }
  CHECK(paths > 3);
}

TEST_CASE("link plan: what the scenario says of a link overrides its kind") {
  Scenario scenario = pair_of_sites();
  scenario.links.pop_back();
  scenario.links[0].loss = 0.05;
  scenario.links[0].rate_ba = bits_per_second(1e6);
  const auto plans = plan_links(scenario, {}, seconds(1));
  REQUIRE(plans);
  CHECK((*plans)[0].forth.loss == 0.05);
  CHECK((*plans)[0].back.rate == bits_per_second(1e6));
}

TEST_CASE("link plan: a link is as its newest sample says, and as its first before that") {
  LinkPlan link{};
  link.forth.delay = milliseconds(7);
  CHECK(wire_at(link, false, seconds(3)).one_way == milliseconds(7));
  link.back_forecast = {{seconds(1), milliseconds(20), true, 1}, {seconds(2), {}, false, 1}};
  CHECK(wire_at(link, true, {}).one_way == milliseconds(20));
  CHECK(wire_at(link, true, seconds(2) - nanoseconds(1)).up);
  CHECK_FALSE(wire_at(link, true, seconds(2)).up);
  CHECK(wire_at(link, false, seconds(2)).up);
}

TEST_CASE(
    "link plan: breaks are where satellites change and packets are lost, of both directions") {
  LinkPlan link{};
  link.id = LinkId{3};
  link.forth.handover = {.length = milliseconds(20), .loss = 0.5};
  link.back.handover = link.forth.handover;
  link.forth_forecast = {{seconds(0), milliseconds(20), true, 1},
                         {seconds(5), milliseconds(21), true, 1},
                         {seconds(9), milliseconds(22), true, 2},
                         {seconds(40), milliseconds(22), true, 3}};
  link.back_forecast = {{seconds(0), milliseconds(20), true, 1},
                        {seconds(9) + milliseconds(10), milliseconds(22), true, 2}};
  const auto planned = planned_breaks({&link, 1}, seconds(30));
  REQUIRE(planned.size() == 1);
  CHECK(planned[0].link == LinkId{3});
  REQUIRE(planned[0].breaks.size() == 1);
  CHECK(planned[0].breaks[0].from == seconds(9));
  CHECK(planned[0].breaks[0].until == seconds(9) + milliseconds(30));
  link.forth.handover.loss = link.back.handover.loss = 0;  // Then it is made before it breaks.
  CHECK(planned_breaks({&link, 1}, seconds(30)).empty());
}

TEST_CASE("link plan: without a forecast satellites change every period") {
  LinkPlan link{};
  link.back.handover = {
      .period = seconds(15), .phase = seconds(1), .length = milliseconds(20), .loss = 0.5};
  const auto planned = planned_breaks({&link, 1}, seconds(40));
  REQUIRE(planned.size() == 1);
  REQUIRE(planned[0].breaks.size() == 3);
  CHECK(planned[0].breaks[2].from == seconds(31));
}

TEST_CASE("link plan: a measured link plays its trace, both ways") {
  Scenario scenario = pair_of_sites();
  Link& link = scenario.links[0];
  link.kind = LinkKind::trace;
  link.one_way = milliseconds(15);
  link.trace = {.delay_step = milliseconds(10),
                .one_way = {milliseconds(10), milliseconds(20)},
                .rate_step = seconds(1),
                .bytes_per_second = {1'000'000, 3'000'000}};
  scenario.links.resize(1);
  const auto plans = plan_links(scenario, {}, seconds(1));
  REQUIRE(plans);
  const LinkPlan& plan = plans->front();
  CHECK(plan.name == "sfo-fra trace");
  CHECK(plan.forth.queue_bytes == 2'000'000);
  CHECK(plan.back.capacity.bytes_per_second == link.trace.bytes_per_second);
  CHECK(wire_at(plan, false, milliseconds(5)).one_way == milliseconds(10));
  CHECK(wire_at(plan, true, milliseconds(15)).one_way == milliseconds(20));
  CHECK(wire_at(plan, true, milliseconds(25)).one_way == milliseconds(10));
  CHECK(topology_of(scenario).links()[0].nominal == milliseconds(15));
}
