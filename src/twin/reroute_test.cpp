#include <doctest/doctest.h>

#include "axs/fabric/link_plan.h"
#include "axs/net/route_choice.h"
#include "axs/twin/twin.h"

using namespace axs;
using namespace axs::twin;

namespace {

/// What sfo says of its reroutes of gradients, and the controller of its orders for them.
struct Told {
  std::vector<std::pair<Instant, catalog::RouteChanged>> moves;
  std::vector<catalog::RouteOrdered> orders;
};

/// Two sites, a quick wire and a slower fibre.
catalog::Scenario two_sites() {
  catalog::Scenario scenario;
  scenario.name = "two";
  scenario.train.tokens = 2 * 1'600 * 256;
  scenario.train.outer = {.period = 20, .fragments = 2};
  scenario.sites = {{.name = "sfo"}, {.name = "fra"}};
  for (const auto kind : {catalog::LinkKind::wire, catalog::LinkKind::fibre})
    scenario.links.push_back({.a = SiteId{0},
                              .b = SiteId{1},
                              .kind = kind,
                              .rate_ab = bits_per_second(1e8),
                              .rate_ba = bits_per_second(1e8),
                              .one_way = milliseconds(kind == catalog::LinkKind::wire ? 20 : 35)});
  return scenario;
}

Told tell(const catalog::Scenario& scenario) {
  Told told;
  Twin world{{.scenario = scenario,
              .links = *fabric::plan_links(scenario, {}, seconds(60)),
              .workers = std::vector<WorkerSpeed>(2),
              .note = [&](const catalog::FactOrigin& origin, const catalog::Fact& fact) {
                const auto* move = std::get_if<catalog::RouteChanged>(&fact);
                if (move && origin.site == "sfo" && move->traffic == "gradient")
                  told.moves.emplace_back(origin.at, *move);
                const auto* order = std::get_if<catalog::RouteOrdered>(&fact);
                if (order && order->from == "sfo" && order->traffic == "gradient")
                  told.orders.push_back(*order);
              }}};
  CHECK(world.run(seconds(600)).finished);
  return told;
}

}  // namespace

TEST_CASE("twin: a cut and a recovery are told with their true reasons and numbers") {
  catalog::Scenario scenario = two_sites();
  scenario.faults.push_back({seconds(20), catalog::CutLink{LinkId{0}, seconds(5)}});
  const Told told = tell(scenario);
  REQUIRE(told.moves.size() >= 3);
  const catalog::RouteGrounds& first = told.moves.front().second.grounds;
  CHECK(first.rule == "recovered");
  CHECK(first.left.path.empty());

  const auto& [cut_at, cut] = told.moves[told.moves.size() - 2];
  CHECK(cut.reason == "cut");
  CHECK(cut.grounds.left.path == "sfo-fra wire");
  CHECK_FALSE(cut.grounds.left.up);
  CHECK(cut.grounds.taken.path == "sfo-fra fibre");
  CHECK(cut.grounds.taken.rtt.seconds() == doctest::Approx(0.070).epsilon(0.05));
  CHECK(cut.grounds.measured > cut.grounds.limit);
  CHECK(cut.grounds.limit > Duration{});
  // The last sign of life came one propagation after the cut, at most.
  const Duration since = cut_at - Instant{} - seconds(20);
  CHECK(cut.grounds.measured <= since + milliseconds(5));
  CHECK(cut.grounds.measured >= since - milliseconds(25));
  CHECK(cut.grounds.sentence.starts_with("sfo-fra wire showed no life for "));

  const auto& [back_at, back] = told.moves.back();
  CHECK(back.reason == "order");
  CHECK(back.grounds.rule == "recovered");
  CHECK(back.grounds.taken.path == "sfo-fra wire");
  CHECK(back.grounds.taken.rtt.seconds() == doctest::Approx(0.040).epsilon(0.05));
  CHECK(back.grounds.left.cost - back.grounds.taken.cost > milliseconds(25));
  CHECK(back.grounds.limit == net::FlapDamper::Config{}.period);
  CHECK(back.grounds.measured >= back.grounds.limit);
  CHECK(back.grounds.measured <= back_at - Instant{} - seconds(25));
  REQUIRE_FALSE(told.orders.empty());
  CHECK(told.orders.back().grounds.measured == back.grounds.measured);
  CHECK(back.grounds.sentence.starts_with("the controller ordered it: sfo-fra wire (round trip "));
  CHECK(told.orders.back().reason == "recovered");
}

TEST_CASE("twin: the controller gives gradients the wide way where the quick one is too narrow") {
  catalog::Scenario scenario = two_sites();
  scenario.links[0].rate_ab = scenario.links[0].rate_ba = bits_per_second(2e6);
  const Told told = tell(scenario);
  REQUIRE_FALSE(told.moves.empty());
  CHECK(told.moves.back().second.grounds.taken.path == "sfo-fra fibre");
  REQUIRE_FALSE(told.orders.empty());
  CHECK(told.orders.back().grounds.taken.path == "sfo-fra fibre");
}
