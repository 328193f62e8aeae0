#include <doctest/doctest.h>

#include "axs/fabric/link_plan.h"
#include "axs/fabric/story.h"

using namespace axs;
using namespace axs::fabric;
using net::RouteReason;

namespace {

constexpr net::PathId wire{0}, sky{1};

catalog::Scenario pair_of_sites() {
  catalog::Scenario scenario;
  scenario.sites = {{.name = "sfo"}, {.name = "fra"}};
  for (const double rate : {1e8, 3e8})
    scenario.links.push_back({.a = SiteId{0},
                              .b = SiteId{1},
                              .kind = catalog::LinkKind::wire,
                              .rate_ab = bits_per_second(rate),
                              .rate_ba = bits_per_second(rate),
                              .one_way = milliseconds(rate < 2e8 ? 20 : 30)});
  scenario.links[1].kind = catalog::LinkKind::fibre;
  return scenario;
}

net::PathReport report_of(net::PathId path, Duration rtt, double loss = 0) {
  return {.path = path, .up = true, .rtt = rtt, .jitter = microseconds(250), .loss = loss};
}

/// What is said of a move off the wire.
std::string why(RouteReason reason, const net::RouteRule& rule,
                net::TrafficClass traffic = net::TrafficClass::gradient) {
  const catalog::Scenario scenario = pair_of_sites();
  net::RouteChanged change{SiteId{0}, SiteId{1}, traffic, wire, sky, reason, rule};
  change.old_seen = report_of(wire, milliseconds(80), 0.01);
  change.new_seen = report_of(sky, milliseconds(60));
  return route_changed(scenario, topology_of(scenario), change).grounds.sentence;
}

}  // namespace

TEST_CASE("story: a reroute is told with both paths, what was seen of them, and the rule") {
  CHECK(why(RouteReason::cut, {RouteReason::cut, microseconds(5'300), microseconds(4'400)}) ==
        "sfo-fra wire showed no life for 5.3 ms, more than its limit of 4.4 ms, so traffic took "
        "sfo-fra fibre (round trip 60.0 ms, jitter 0.2 ms, loss 0.00 %, cost 60.5 ms)");
  CHECK(why(RouteReason::cut, {RouteReason::cut}) ==
        "sfo-fra wire was told to be dead, so traffic took sfo-fra fibre (round trip 60.0 ms, "
        "jitter 0.2 ms, loss 0.00 %, cost 60.5 ms)");
  CHECK(
      why(RouteReason::slower, {RouteReason::slower, milliseconds(20'300), seconds(20)}) ==
      "sfo-fra fibre (round trip 60.0 ms, jitter 0.2 ms, loss 0.00 %, cost 60.5 ms) costs 20.8 ms "
      "less than sfo-fra wire (round trip 80.0 ms, jitter 0.2 ms, loss 1.00 %, cost 81.3 ms), and "
      "was the better one for 20.3 s, of 20.0 s asked");
  CHECK(
      why(RouteReason::order, {RouteReason::handover, seconds(21), seconds(20)}) ==
      "the controller ordered it: sfo-fra fibre (round trip 60.0 ms, jitter 0.2 ms, loss 0.00 %, "
      "cost 60.5 ms) costs 20.8 ms less than sfo-fra wire (round trip 80.0 ms, jitter 0.2 ms, loss "
      "1.00 %, cost 81.3 ms), and was the better one for 21.0 s, of 20.0 s asked, since the delay "
      "of sfo-fra wire jumped");
  CHECK(why(RouteReason::recovered, {RouteReason::recovered, milliseconds(10'100), seconds(10)}) ==
        "sfo-fra fibre (round trip 60.0 ms, jitter 0.2 ms, loss 0.00 %, cost 60.5 ms) has been up "
        "again for 10.1 s, of 10.0 s asked, and costs 20.8 ms less than sfo-fra wire (round trip "
        "80.0 ms, jitter 0.2 ms, loss 1.00 %, cost 81.3 ms)");
  CHECK(why(RouteReason::recovered, {RouteReason::recovered, milliseconds(10'400)}) ==
        "sfo-fra fibre (round trip 60.0 ms, jitter 0.2 ms, loss 0.00 %, cost 60.5 ms) has been up "
        "for "
        "10.4 s, and costs 20.8 ms less than sfo-fra wire (round trip 80.0 ms, jitter 0.2 ms, loss "
        "1.00 %, cost 81.3 ms)");
  CHECK(why(RouteReason::slower, {RouteReason::slower}, net::TrafficClass::bulk) ==
        "sfo-fra fibre (round trip 60.0 ms, jitter 0.2 ms, loss 0.00 %, cost 60.5 ms) carries 300 "
        "Mb/s where sfo-fra wire (round trip 80.0 ms, jitter 0.2 ms, loss 1.00 %, cost 81.3 ms) "
        "carries 100 Mb/s");
}

TEST_CASE("story: the first route, and an order as the controller notes it") {
  const catalog::Scenario scenario = pair_of_sites();
  net::RouteChanged change{SiteId{0}, SiteId{1}, net::TrafficClass::gradient, {}, wire};
  change.reason = change.rule.reason = RouteReason::recovered;
  change.new_seen = report_of(wire, milliseconds(40));
  const auto ordered = route_ordered(scenario, topology_of(scenario), change);
  CHECK(ordered.from == "sfo");
  CHECK(ordered.to == "fra");
  CHECK(ordered.grounds.left.path.empty());
  CHECK(ordered.grounds.taken.rate == bits_per_second(1e8));
  CHECK(ordered.grounds.sentence ==
        "sfo-fra wire (round trip 40.0 ms, jitter 0.2 ms, loss 0.00 %, cost 40.5 ms) is the first "
        "path that came up");
  change.rule.reason = RouteReason::cut;
  change.reason = RouteReason::order;
  change.new_seen = {.path = wire};
  CHECK(route_changed(scenario, topology_of(scenario), change).grounds.sentence ==
        "the controller ordered it: sfo-fra wire (not measured yet) is the first path it had");
}

TEST_CASE("story: a lease is told with its paths, their rates and the demand") {
  const catalog::Scenario scenario = pair_of_sites();
  const net::Topology topology = topology_of(scenario);
  net::LeaseGranted lease{.from = SiteId{0}, .to = SiteId{1}, .bulk = {}, .lasting = seconds(4)};
  CHECK(lease_granted(scenario, topology, lease).sentence == "no bulk waits");
  lease.use.bulk_waiting = 58'720'256;
  CHECK(lease_granted(scenario, topology, lease).sentence ==
        "58.7 MB of bulk wait, and no path has anything to spare");
  lease.bulk = {{wire, BytesPerSecond{10e6}}, {sky, BytesPerSecond{30e6}}};
  CHECK(lease_granted(scenario, topology, lease).sentence ==
        "58.7 MB of bulk wait; no gradients pass");
  lease.use.gradient_rate = BytesPerSecond{1.5e6};
  lease.use.gradient_burst = 250'000;
  const auto told = lease_granted(scenario, topology, lease);
  CHECK(told.sentence == "58.7 MB of bulk wait; gradients take 12 Mb/s, 0.2 MB of them at once");
  CHECK(told.from == "sfo");
  CHECK(told.to == "fra");
  CHECK(told.lasts == seconds(4));
  CHECK(told.waiting == 58'720'256);
  REQUIRE(told.paths.size() == 2);
  CHECK(told.paths[1].path == "sfo-fra fibre");
  CHECK(told.paths[1].rate == BytesPerSecond{30e6});
}

TEST_CASE("story: a lease is lost with a path, or all of it") {
  const catalog::Scenario scenario = pair_of_sites();
  const net::Topology topology = topology_of(scenario);
  const auto lost = [&](std::optional<net::PathId> path) {
    return lease_lost(scenario, topology, SiteId{0}, {SiteId{1}, path});
  };
  CHECK(lost(sky).path == "sfo-fra fibre");
  CHECK(lost({}).path.empty());
  CHECK(lost({}).peer == "fra");
}
