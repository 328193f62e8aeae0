#include "axs/twin/storm.h"

#include <doctest/doctest.h>

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

TEST_CASE("promises: tunnels that are not up yet are not converged") {
  const Storm storm = make_storm(1);
  Promises promises;
  Twin world{{.scenario = storm.scenario,
              .links = storm.links,
              .workers = storm.workers,
              .note = {},
              .witness = &promises}};
  world.start();
  world.play(Instant{} + milliseconds(1));
  CHECK_FALSE(Promises::converged(world));
}
