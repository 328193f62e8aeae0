#include "axs/twin/flow_twin.h"

#include <doctest/doctest.h>

#include <array>

#include "axs/catalog/model_presets.h"
#include "axs/twin/planned_fleets.h"
#include "axs/twin/twin.h"

using namespace axs;
using namespace axs::twin;

namespace {

constexpr std::uint64_t steps = 300;

catalog::Scenario three_sites(double bits) {
  catalog::Scenario scenario;
  scenario.name = "three";
  scenario.train.tokens = 3 * steps * 256;
  scenario.train.outer = {.period = 20, .fragments = 2};
  for (const char* name : {"sfo", "fra", "tyo"}) scenario.sites.push_back({.name = name, .at = {}});
  for (std::uint32_t a = 0; a < 3; ++a)
    for (std::uint32_t b = a + 1; b < 3; ++b)
      scenario.links.push_back({.a = SiteId{a},
                                .b = SiteId{b},
                                .kind = catalog::LinkKind::wire,
                                .rate_ab = bits_per_second(bits),
                                .rate_ba = bits_per_second(bits),
                                .one_way = milliseconds(40 + 10 * (a + b)),
                                .loss = 0});
  return scenario;
}

FleetOutcome simulate(const catalog::Scenario& scenario, const Fleet& fleet = {},
                      double hellos = 2'000) {
  REQUIRE(playable_as_flows(scenario));
  FlowTwin world{{.scenario = scenario,
                  .links = *fabric::plan_links(scenario, {}, seconds(60)),
                  .fleets = std::vector<Fleet>(scenario.sites.size(), fleet),
                  .hellos = hellos}};
  return world.run(seconds(600));
}

Outcome by_packets(const catalog::Scenario& scenario, const WorkerSpeed& speed) {
  Twin world{{.scenario = scenario,
              .links = *fabric::plan_links(scenario, {}, seconds(60)),
              .workers = std::vector<WorkerSpeed>(scenario.sites.size(), speed)}};
  return world.run(seconds(600));
}

}  // namespace

TEST_CASE("flow twin: the same seed gives the same digest, another seed another") {
  const Fleet noisy{.accelerators = 64, .straggling = 0.02};
  catalog::Scenario scenario = three_sites(1e8);
  const FleetOutcome first = simulate(scenario, noisy), second = simulate(scenario, noisy);
  REQUIRE(first.finished);
  CHECK(first.digest == second.digest);
  CHECK(first.took == second.took);
  scenario.seed = 2;
  CHECK(simulate(scenario, noisy).digest != first.digest);
}

TEST_CASE("flow twin: the policies take as long as over packets while links keep up") {
  const WorkerSpeed speed{.contribution_bytes = 2'000'000};  // 53 Mb/s.
  for (const double bits : {1e8, 6e7}) {
    catalog::Scenario scenario = three_sites(bits);
    scenario.train.tokens /= 5;
    const Outcome packets = by_packets(scenario, speed);
    const FleetOutcome flows = simulate(scenario, {.speed = speed});
    REQUIRE(packets.finished);
    REQUIRE(flows.finished);
    CAPTURE(bits);
    CHECK(flows.tokens == packets.tokens);
    CHECK(flows.syncs == packets.syncs);
    CHECK(flows.took.seconds() == doctest::Approx(packets.took.seconds()).epsilon(0.05));
  }
}

TEST_CASE("flow twin: a cut is gone around, and a lost worker goes on from what it saved") {
  catalog::Scenario scenario = three_sites(1e8);
  scenario.faults = {{seconds(3), catalog::CutLink{LinkId{0}, seconds(4)}},
                     {seconds(5), catalog::KillProcess{SiteId{1}, catalog::Process::worker}}};
  const FleetOutcome calm = simulate(three_sites(1e8)), stormy = simulate(scenario);
  REQUIRE(stormy.finished);
  CHECK(stormy.tokens == 3 * steps * 256);
  CHECK(stormy.reroutes > calm.reroutes);
  CHECK(stormy.took - calm.took < seconds(3));
}

TEST_CASE("flow twin: a link of less than a byte a second is played, and carries nothing") {
  const FleetOutcome outcome = simulate(three_sites(8));
  CHECK(!outcome.finished);
  CHECK(outcome.syncs == 0);
}

TEST_CASE("flow twin: on slow links each contribution is sent once, whatever has kept it up") {
  catalog::Scenario scenario = three_sites(8e6);
  scenario.train.tokens /= 4;
  scenario.faults = {{seconds(30), catalog::CutLink{LinkId{0}, seconds(60)}}};
  // 2.1 s on a link that is its own, every 4 s; twice that while two pairs share what is left.
  const Fleet fleet{.speed = {.step = milliseconds(400), .contribution_bytes = 2'000'000}};
  const FleetOutcome outcome = simulate(scenario, fleet, 60);
  REQUIRE(outcome.finished);
  REQUIRE(outcome.syncs > 10);
  constexpr std::uint64_t copies = 6;  // Each of three sites to two others.
  CHECK(outcome.bytes < 1.1 * static_cast<double>(copies * outcome.syncs * 2'000'000));
}

TEST_CASE("flow twin: a contribution is one flow, also where a transport's message has no room") {
  const auto run = [](double bits, std::uint64_t bytes) {
    catalog::Scenario scenario = three_sites(bits);
    scenario.train.tokens /= 4;
    const std::uint32_t context = scenario.model.context;
    scenario.model = *catalog::model_preset("llama3-70b");  // None is larger than its model.
    scenario.model.context = context;
    return simulate(scenario, {.speed = {.contribution_bytes = bytes}});
  };
  const FleetOutcome small = run(1e8, 5'000'000), large = run(1e11, 5'000'000'000);
  REQUIRE(small.finished);
  REQUIRE(large.finished);
  CHECK(large.tokens == small.tokens);
  CHECK(large.syncs == small.syncs);
  CHECK(large.took.seconds() == doctest::Approx(small.took.seconds()).epsilon(0.02));
  CHECK(static_cast<double>(large.bytes) ==
        doctest::Approx(1'000 * static_cast<double>(small.bytes)).epsilon(0.02));
}

TEST_CASE("flow twin: a controller that hears the plan's gradients gives them the wide ways") {
  catalog::Scenario scenario = three_sites(1e8);
  scenario.train.tokens *= 5;            // The first contributions leave before any order has come.
  for (std::size_t i = 0; i < 3; ++i) {  // Beside each link one that is quicker and too narrow.
    catalog::Link narrow = scenario.links[i];
    narrow.rate_ab = narrow.rate_ba = bits_per_second(1e7);
    narrow.one_way = milliseconds(20);
    scenario.links.push_back(narrow);
  }
  const Fleet fleet{.speed = {.contribution_bytes = 2'000'000}};
  const std::vector<Fleet> fleets(3, fleet);
  const auto run = [&](std::vector<net::GradientDemand> gradients) {
    FlowTwin world{{.scenario = scenario,
                    .links = *fabric::plan_links(scenario, {}, seconds(60)),
                    .fleets = fleets,
                    .gradients = std::move(gradients)}};
    return world.run(seconds(600));
  };
  const FleetOutcome apart = run({}), together = run(gradient_demands(fleets));
  REQUIRE(apart.finished);
  REQUIRE(together.finished);
  CHECK(apart.goodput < 0.5);
  CHECK(together.goodput > 0.75);
  MESSAGE("goodput " << apart.goodput << " apart, " << together.goodput << " together");
}

TEST_CASE("flow twin: links through the sky carry what fibres do not") {
  catalog::Scenario scenario = three_sites(1e8);
  const std::array<catalog::GeoPoint, 3> places = {
      {{37.77, -122.42}, {50.11, 8.68}, {35.7, 139.7}}};
  for (std::size_t i = 0; i < places.size(); ++i) scenario.sites[i].at = places[i];
  for (std::size_t i = 0; i < places.size(); ++i) {
    catalog::Link sky = scenario.links[i];
    sky.kind = catalog::LinkKind::leo;
    sky.one_way.reset();
    scenario.links.push_back(sky);
  }
  const catalog::WalkerShell shell{.altitude = Meters{550e3}, .planes = 72, .per_plane = 22};
  scenario.sky = catalog::Sky{.satellites = shell, .start = {}};
  const auto satellites = *fabric::shell_satellites(shell, {});
  const auto links = *fabric::plan_links(scenario, satellites, seconds(60), seconds(1));
  const auto run = [&] {
    FlowTwin world{{.scenario = scenario, .links = links, .fleets = std::vector<Fleet>(3)}};
    return world.run(seconds(600));
  };
  const FleetOutcome calm = run();
  // All fibres at once: only the sky is left.
  for (std::uint32_t link = 0; link < 3; ++link)
    scenario.faults.push_back({seconds(2), catalog::CutLink{LinkId{link}, seconds(60)}});
  const FleetOutcome cut = run();
  REQUIRE(calm.finished);
  REQUIRE(cut.finished);
  CHECK(cut.tokens == calm.tokens);
  CHECK(cut.took - calm.took < seconds(3));
}

TEST_CASE("flow twin: messages are signs of life, so a cut is found though hellos are few") {
  catalog::Scenario scenario = three_sites(2e7);
  scenario.faults = {{seconds(5), catalog::CutLink{LinkId{0}, seconds(20)}}};
  const Fleet fleet{.speed = {.contribution_bytes = 300'000}};
  const FleetOutcome outcome = simulate(scenario, fleet, 60);
  REQUIRE(outcome.finished);
  CHECK(outcome.took < seconds(13));
}

TEST_CASE("flow twin: of two faults that slow a site, the end of one leaves the other") {
  catalog::Scenario scenario = three_sites(1e9);
  scenario.faults = {{.at = 0.1, .what = catalog::SlowSite{SiteId{2}, 4, seconds(60)}}};
  const FleetOutcome calm = simulate(three_sites(1e9)), one = simulate(scenario);
  scenario.faults.push_back({.at = 0.2, .what = catalog::SlowSite{SiteId{2}, 2, seconds(1)}});
  const FleetOutcome both = simulate(scenario);
  CHECK(one.took.seconds() > 1.1 * calm.took.seconds());
  CHECK(both.took.seconds() > 0.99 * one.took.seconds());
}

TEST_CASE("flow twin: failing accelerators lower the goodput, and noise is the slowest one's") {
  const catalog::Scenario scenario = three_sites(1e9);
  const FleetOutcome calm = simulate(scenario);
  const FleetOutcome failing =
      simulate(scenario, {.accelerators = 100, .between_failures = seconds(500)});
  REQUIRE(failing.finished);
  CHECK(failing.failures > 0);
  CHECK(failing.goodput < calm.goodput);
  CHECK(failing.tokens >= scenario.train.tokens);
  const FleetOutcome noisy = simulate(scenario, {.accelerators = 100, .straggling = 0.05});
  CHECK(noisy.took > calm.took);
}

TEST_CASE("flow twin: a site draws what its worker does: none, waiting, steps") {
  catalog::Scenario scenario = three_sites(1e9);
  const plan::SiteDraw draw{.idle = Watts{10}, .waiting = Watts{100}, .step = Joules{5}};
  const Fleet fleet{.draw = draw};
  const FleetOutcome calm = simulate(scenario, fleet);
  REQUIRE(calm.finished);
  const double start = fleet.speed.start.seconds(), took = calm.took.seconds();
  for (const PowerUse::Site& site : calm.power.sites) {
    CHECK(site.energy.value() == doctest::Approx(10 * start + 100 * (took - start) + 5 * steps));
    CHECK(site.most.value() == doctest::Approx(draw.stepping(Seconds{0.03}).value()));
  }
  CHECK(calm.power.most.value() == doctest::Approx(3 * draw.stepping(Seconds{0.03}).value()));
  // A site that is slow draws as much for each step, and no more at any time.
  scenario.faults = {{seconds(2), catalog::SlowSite{SiteId{1}, 3, seconds(600)}}};
  const FleetOutcome slow = simulate(scenario, fleet);
  CHECK(slow.power.sites[1].most == calm.power.sites[1].most);
  CHECK(slow.power.sites[1].energy <
        calm.power.sites[0].energy + draw.waiting * Seconds{(slow.took - calm.took).seconds()});
  // One that is lost for 20 s is idle for so long.
  scenario = three_sites(1e9);
  scenario.faults = {{seconds(5), catalog::KillProcess{SiteId{1}, catalog::Process::worker}}};
  Fleet slow_start = fleet;
  slow_start.speed.start = seconds(20);
  const FleetOutcome lost = simulate(scenario, slow_start);
  CHECK(lost.power.sites[1].energy < lost.power.sites[0].energy);
}

TEST_CASE("flow twin: an hour of a thousand accelerators is the hour that it was") {
  catalog::Scenario scenario = three_sites(1e9);
  scenario.train.tokens = std::uint64_t{1} << 50;
  scenario.train.outer = {.period = 100, .fragments = 8};
  scenario.faults = {{seconds(600), catalog::CutLink{LinkId{0}, seconds(1'200)}}};
  const Fleet fleet{.speed = {.step = milliseconds(600),
                              .start = seconds(300),
                              .contribution_bytes = 250'000'000},
                    .accelerators = 341,
                    .straggling = 0.002,
                    .between_failures = seconds(std::int64_t{1'000} * 3600)};
  FlowTwin world{{.scenario = scenario,
                  .links = *fabric::plan_links(scenario, {}, seconds(60)),
                  .fleets = std::vector<Fleet>(3, fleet),
                  .hellos = 20}};
  const FleetOutcome outcome = world.run(seconds(3'600));
  CHECK(outcome.failures > 0);
  // Whoever changes what the policies decide writes the new one here.
  CHECK(to_hex(outcome.digest).substr(0, 16) == "fb82287c8c97e945");
}

TEST_CASE("flow twin: syncs follow the fastest site, and it waits for no slower one") {
  catalog::Scenario scenario = three_sites(1e10);
  scenario.train.tokens = std::uint64_t{1} << 50;
  scenario.train.outer = {.period = 100, .fragments = 8};
  scenario.model = *catalog::model_preset("llama3-8b");  // No contribution is larger.
  const WorkerSpeed fast{.step = milliseconds(566), .contribution_bytes = 625'000'000};
  for (const std::int64_t slower : {700, 870, 1'150, 2'000}) {
    CAPTURE(slower);
    std::vector<Fleet> fleets(3, {.speed = fast, .accelerators = 341, .straggling = 0.004});
    for (const std::size_t site : {1u, 2u}) fleets[site].speed.step = milliseconds(slower);
    FlowTwin world{{.scenario = scenario,
                    .links = *fabric::plan_links(scenario, {}, seconds(60)),
                    .fleets = fleets,
                    .hellos = 20}};
    const FleetOutcome outcome = world.run(seconds(3'600));
    // Its slowest accelerator makes a step 2.6 % longer.
    const double periods = 3'600 / (1.026 * 0.566 * 100);
    CHECK(static_cast<double>(outcome.syncs) == doctest::Approx(8 * periods).epsilon(0.01));
    CHECK(outcome.computing > 0.99);
  }
}

TEST_CASE("flow twin: what it has not is refused by name") {
  catalog::Scenario scenario = three_sites(1e8);
  scenario.train.sync = catalog::SyncMode::every_step;
  CHECK(playable_as_flows(scenario).error().what ==
        "three: training with sync \"every-step\", which is not played as flows");
  scenario = three_sites(1e8);
  scenario.faults = {{seconds(1), catalog::KillProcess{SiteId{1}, catalog::Process::agent}}};
  CHECK_FALSE(playable_as_flows(scenario));
  scenario = three_sites(1e8);
  scenario.sites[1].clock.offset = seconds(1);
  CHECK(playable_as_flows(scenario).error().what ==
        "three: a clock that is wrong, which is not played as flows");
}
