#include <doctest/doctest.h>

#include "axs/fabric/link_plan.h"
#include "axs/twin/twin.h"

using namespace axs;
using namespace axs::twin;

namespace {

enum class Known { planned, surprise };

struct Crossed {
  std::uint64_t lost = 0;
  std::uint64_t paths_down = 0;
  std::uint64_t kept = 0;
  std::uint64_t waited = 0;
  Outcome outcome;
};

/// Two sites, a gateway to the sky whose satellites change every 3 s, otherwise without losses, and
/// a fibre or none. One clock is an hour off and both drift as far as a plan allows for.
Crossed cross(Known known, int fibres) {
  catalog::Scenario scenario;
  scenario.name = "two";
  scenario.train.tokens = 2 * 900 * 256;
  scenario.train.outer = {.period = 20, .fragments = 2};
  scenario.sites = {{.name = "sfo", .at = {}, .clock = {.offset = seconds(3600), .drift_ppm = 19}},
                    {.name = "fra", .at = {}, .clock = {.offset = {}, .drift_ppm = -19}}};
  for (int i = 0; i <= fibres; ++i)
    scenario.links.push_back({.a = SiteId{0},
                              .b = SiteId{1},
                              .kind = i == 0 ? catalog::LinkKind::wire : catalog::LinkKind::fibre,
                              .rate_ab = bits_per_second(1e8),
                              .rate_ba = bits_per_second(1e8),
                              .one_way = milliseconds(i == 0 ? 36 : 50),
                              .loss = 0});
  auto links = *fabric::plan_links(scenario, {}, seconds(60));
  for (net::PipeConfig* pipe : {&links[0].forth, &links[0].back}) {
    pipe->jitter = {.mean = microseconds(900), .max = milliseconds(8)};
    pipe->handover = {.period = seconds(3),
                      .phase = seconds(3),
                      .length = milliseconds(20),
                      .loss = 0.5,
                      .extra_delay = milliseconds(5)};
  }
  Crossed crossed;
  std::map<std::string, std::uint64_t> lost;
  Twin world{{.scenario = scenario,
              .links = links,
              .workers = std::vector<WorkerSpeed>(2),
              .handovers_known = known == Known::planned ? seconds(3600) : Duration{},
              .note = [&](const catalog::FactOrigin&, const catalog::Fact& fact) {
                if (const auto* traffic = std::get_if<catalog::LinkTraffic>(&fact))
                  lost[traffic->link + traffic->from] = traffic->lost;
                if (std::holds_alternative<catalog::PathDown>(fact)) ++crossed.paths_down;
                const auto* kept = std::get_if<catalog::HandoverKept>(&fact);
                if (kept) ++(kept->instead.empty() ? crossed.waited : crossed.kept);
              }}};
  crossed.outcome = world.run(seconds(600));
  CHECK(crossed.outcome.finished);
  for (const auto& [direction, count] : lost) crossed.lost += count;
  return crossed;
}

}  // namespace

TEST_CASE("twin: planned handovers lose nothing, with and without a second path") {
  for (const int fibres : {0, 1}) {
    CAPTURE(fibres);
    const Crossed surprise = cross(Known::surprise, fibres),
                  planned = cross(Known::planned, fibres);
    MESSAGE("lost ", surprise.lost, " and ", planned.lost, " packets of ", planned.outcome.packets,
            " in ", planned.outcome.took.seconds(), " s");
    CHECK(surprise.lost > 0);
    CHECK(planned.lost == 0);
    CHECK(planned.paths_down == 0);
    CHECK(planned.kept + planned.waited >= 2 * 8);
    CHECK((planned.kept > 0) == (fibres > 0));
    CHECK(surprise.kept + surprise.waited == 0);
    CHECK(planned.outcome.reroutes <= surprise.outcome.reroutes);
    CHECK(planned.outcome.took <= surprise.outcome.took + seconds(1));
  }
}
