#include "axs/twin/storm.h"

#include <doctest/doctest.h>

#include "axs/twin/convergence.h"
#include "axs/twin/storm_run.h"

using namespace axs;
using namespace axs::twin;
using fabric::Site;

namespace {

constexpr SiteId a{0}, b{1}, c{2};

Site::HoldMessage said(SiteId to, std::uint64_t id) {
  return {to, net::TrafficClass::control, id, {}};
}
Site::ReadMessage delivered(SiteId from, std::uint64_t id) {
  return {from, {.traffic = net::TrafficClass::control, .message = id, .total = 1}};
}
Site::ReleaseMessage acknowledged(SiteId to, std::uint64_t id) {
  return {to, net::TrafficClass::control, id};
}

bool complained(const Promises& promises, std::string_view what) {
  return promises.complaints().size() == 1 &&
         promises.complaints()[0].find(what) != std::string::npos;
}

}  // namespace

// 200 of them are the test twin.storms. In that of seed 6 a leader comes back so far behind that
// it once dropped what the others offered, and everybody waited for it for ever; in 226 a site's
// work was lost with it, was counted as done all the same, and the run ended short of its budget.
TEST_CASE("storms: some, and every promise holds") {
  for (const std::uint64_t seed : {6u, 226u, 2'001u}) {
    CAPTURE(seed);
    const StormOutcome outcome = ride_out(make_storm(seed));
    for (const std::string& what : outcome.complaints) FAIL_CHECK(what);
    CHECK(outcome.messages > 100);
  }
}

TEST_CASE("storms: a seed is one storm, and being watched changes nothing") {
  const Storm storm = make_storm(5);
  REQUIRE(storm.scenario.faults.size() >= 4);
  const auto simulate = [&](Witness* witness) {
    Twin world{{.scenario = storm.scenario,
                .links = make_storm(5).links,
                .workers = storm.workers,
                .note = {},
                .witness = witness}};
    return world.run(seconds(300));
  };
  Promises promises;
  const Outcome watched = simulate(&promises);
  CHECK(watched.finished);
  CHECK(promises.packets() > 1'000);
  // Sealed, relayed by their headers and opened, packets do what they do as plain structs.
  CHECK(simulate(nullptr).digest == watched.digest);
  CHECK(make_storm(6).scenario.sites[0].at.latitude_deg != storm.scenario.sites[0].at.latitude_deg);
}

TEST_CASE("promises: a message that is delivered twice, or never said, is seen") {
  Promises promises;
  promises.decided(a, said(b, 1));
  promises.decided(b, delivered(a, 1));
  promises.decided(a, acknowledged(b, 1));
  promises.settle(Instant{} + seconds(1));
  CHECK(promises.complaints().empty());
  promises.decided(b, delivered(a, 1));
  CHECK(complained(promises, "0>1 control message 1 delivered twice"));
  Promises others;
  others.decided(b, delivered(a, 7));
  CHECK(complained(others, "delivered and never said"));
}

TEST_CASE("promises: a message that is lost, or acknowledged too early, is seen") {
  Promises promises;
  promises.decided(a, said(b, 1));
  promises.settle(Instant{} + seconds(1));
  CHECK(complained(promises, "0>1 control message 1 lost"));
  Promises early;
  early.decided(a, said(b, 1));
  early.decided(a, acknowledged(b, 1));
  CHECK(complained(early, "acknowledged and never delivered"));
}

TEST_CASE("promises: what an agent said before it died need not arrive, and its names come again") {
  Promises promises;
  promises.decided(a, said(b, 1));
  promises.decided(b, delivered(a, 1));
  promises.died(a);
  promises.settle(Instant{} + seconds(1));
  promises.started(a);
  promises.decided(a, said(b, 1));
  promises.decided(b, Site::DropBytes{a, std::nullopt});
  promises.decided(b, delivered(a, 1));
  promises.decided(a, acknowledged(b, 1));
  CHECK(promises.complaints().empty());
}

TEST_CASE("promises: plaintext on a link is seen wherever it begins") {
  const std::string text = std::string{Twin::payload_text} + std::string{Twin::payload_text};
  for (std::size_t skipped = 0; skipped < Twin::payload_text.size(); ++skipped) {
    ByteVector packet(30, 7);
    packet.insert(packet.end(), text.begin() + static_cast<std::ptrdiff_t>(skipped), text.end());
    Promises promises;
    promises.on_wire(a, LinkId{3}, packet);
    CHECK(complained(promises, "plaintext left site 0 over link 3"));
  }
}

TEST_CASE("promises: a packet that comes back, or finds no end, is seen") {
  Promises promises;
  promises.arrived(a, c, b, 1);
  promises.arrived(a, c, c, 2);
  CHECK(promises.complaints().empty());
  promises.arrived(a, c, a, 2);
  CHECK(promises.complaints().size() == 2);
  CHECK(promises.complaints()[0].find("came back") != std::string::npos);
}

TEST_CASE("dead paths: only time in which the peer was heard counts, hello by hello") {
  DeadPaths paths;
  const Way way{a, b, net::PathId{0}};
  const auto heard = [&](Duration at) {
    paths.heard(Instant{} + at, {a, b, net::PathId{7}}, milliseconds(40));
  };
  CHECK_FALSE(paths.used(way, {}).has_value());
  heard(milliseconds(90));
  paths.died(way, {}, milliseconds(100));
  CHECK(paths.used(way, {})->lasted == Duration{});
  heard(milliseconds(110));
  heard(milliseconds(130));
  CHECK(paths.used(way, {})->lasted == milliseconds(40));
  // Nothing else lived for a second, of which two hellos could have told.
  heard(milliseconds(1'130));
  paths.died(way, {}, seconds(9));
  CHECK(paths.used(way, {})->lasted == milliseconds(80));
  CHECK(paths.used(way, {})->allowed == milliseconds(100));
  paths.revived(way);
  CHECK_FALSE(paths.used(way, {}).has_value());
}

TEST_CASE("dead paths: who takes a dead one into use has from then on to find it out") {
  DeadPaths paths;
  const Way way{a, b, net::PathId{1}};
  const auto heard = [&](Duration at) {
    paths.heard(Instant{} + at, {a, b, net::PathId{7}}, milliseconds(40));
  };
  heard({});
  paths.died(way, {}, std::nullopt);
  heard(milliseconds(30));
  CHECK(paths.used(way, milliseconds(50))->lasted == Duration{});
  heard(milliseconds(60));
  CHECK(paths.used(way, seconds(9))->lasted == milliseconds(30));
  CHECK(paths.used(way, seconds(9))->allowed == milliseconds(50));
  paths.forget(a);
  CHECK_FALSE(paths.used(way, {}).has_value());
}

TEST_CASE("dead paths: only what was sent before may lengthen the bound") {
  DeadPaths paths;
  const Way way{a, b, net::PathId{0}};
  const auto after_review = [&](Duration at, Duration allowed) {
    paths.review(Instant{} + at, a, [&](const Way&) { return allowed; });
    return paths.used(way, {})->allowed;
  };
  paths.died(way, Instant{} + seconds(1), milliseconds(500));
  CHECK(after_review(seconds(1), milliseconds(600)) == milliseconds(600));
  CHECK(after_review(milliseconds(1'001), seconds(2)) == milliseconds(600));
  CHECK(after_review({}, milliseconds(100)) == milliseconds(600));
}

TEST_CASE("dead paths: what was under way when a path died is heard on it later") {
  DeadPaths paths;
  const Way way{a, b, net::PathId{0}};
  paths.heard({}, way, milliseconds(40));
  paths.died(way, {}, milliseconds(100));
  paths.heard(Instant{} + milliseconds(30), {a, b, net::PathId{7}}, milliseconds(40));
  CHECK(paths.used(way, {})->lasted == milliseconds(30));
  paths.heard(Instant{} + milliseconds(35), way, milliseconds(40));
  CHECK(paths.used(way, {})->lasted == Duration{});
}

TEST_CASE("promises: a black hole a millisecond beyond the bound is seen") {
  Promises promises;
  const Way way{a, b, net::PathId{2}};
  promises.judge(way, {.lasted = milliseconds(500), .allowed = milliseconds(500)});
  CHECK(promises.complaints().empty());
  promises.judge(way, {.lasted = milliseconds(501), .allowed = milliseconds(500)});
  CHECK(complained(promises, "0>1 data on path 2, dead for 0.501000 s"));
  CHECK(promises.worst_black_hole() == doctest::Approx(1.002));
}

TEST_CASE("storms: what does not converge after the last fault is seen") {
  Storm storm = make_storm(2);
  storm.scenario.faults = {{milliseconds(1'500), catalog::CutLink{LinkId{0}, seconds(1'000)}}};
  storm.over = seconds(2);
  const StormOutcome outcome = ride_out(storm);
  REQUIRE(outcome.complaints.size() == 1);
  CHECK(outcome.complaints[0].find("s after the last fault") != std::string::npos);
  CHECK(outcome.worst_convergence >= 1);
}

TEST_CASE("storms: a job that does not end, and a budget that is not met, are seen") {
  Storm storm = make_storm(2);
  storm.scenario.faults = {
      {milliseconds(1'500), catalog::SlowSite{SiteId{0}, 1'000, seconds(900)}},
      {milliseconds(1'500), catalog::SlowSite{SiteId{1}, 1'000, seconds(900)}},
      {milliseconds(1'500), catalog::SlowSite{SiteId{2}, 1'000, seconds(900)}}};
  storm.over = seconds(2);
  const StormOutcome outcome = ride_out(storm);
  REQUIRE(outcome.complaints.size() >= 2);
  CHECK(outcome.complaints[0].find("the training has not ended") != std::string::npos);
  CHECK(outcome.complaints[1].find("tokens of") != std::string::npos);
}

TEST_CASE("storms: tunnels that are not up yet are not settled") {
  const Storm storm = make_storm(1);
  Twin world{
      {.scenario = storm.scenario, .links = storm.links, .workers = storm.workers, .note = {}}};
  world.start();
  world.play(Instant{} + milliseconds(1));
  CHECK(unsettled(world) == "0>1 has no keys");
  // A handshake's longest retry is part of what that may take.
  CHECK(settling_limit(world) > seconds(4));
  CHECK(settling_limit(world) < seconds(8));
}
