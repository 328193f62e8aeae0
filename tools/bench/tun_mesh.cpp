// tun_mesh SITES MEGABITS_PER_SECOND ONE_WAY_MS: network namespaces axs-bench-0, -1 ... with the
// addresses 10.77.0.1, .2 ..., each joined to each by the emulator as a scenario's links of kind
// "wire" are. Until SIGTERM; then prints the emulator's stats as JSON. Needs root. For
// tools/bench/sync.

#include <fmt/format.h>

#include <cstdlib>

#include "axs/fabric/link_plan.h"
#include "axs/live/underlay.h"

namespace {

using namespace axs;

catalog::Scenario mesh(std::uint32_t sites, double megabits, double one_way_ms) {
  catalog::Scenario scenario;
  for (std::uint32_t i = 0; i < sites; ++i)
    scenario.sites.push_back({.name = fmt::format("{}", i), .at = {}});
  for (std::uint32_t a = 0; a < sites; ++a)
    for (std::uint32_t b = a + 1; b < sites; ++b)
      scenario.links.push_back({.a = SiteId{a},
                                .b = SiteId{b},
                                .kind = catalog::LinkKind::wire,
                                .rate_ab = bits_per_second(megabits * 1e6),
                                .rate_ba = bits_per_second(megabits * 1e6),
                                .one_way = from_seconds(one_way_ms * 1e-3),
                                .jitter = Duration{},
                                .loss = 0.0});
  return scenario;
}

Result<> run(const catalog::Scenario& scenario) {
  live::UnderlayConfig config;
  for (const fabric::LinkPlan& link : AXS_TRY(fabric::plan_links(scenario, {}, seconds(1))))
    config.links.push_back({.id = link.id,
                            .name = link.name,
                            .a = link.a,
                            .b = link.b,
                            .forth = {link.forth},
                            .back = {link.back}});
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i)
    config.tun_sites.push_back(
        {SiteId{i}, fmt::format("axs-bench-{}", i), fmt::format("10.77.0.{}", i + 1)});
  const auto stats = AXS_TRY(live::run_underlay_until_signal(std::move(config)));
  fmt::print("{}\n", live::to_json(stats));
  return Ok{};
}

}  // namespace

int main(int argc, char** argv) {
  const int sites = argc == 4 ? std::atoi(argv[1]) : 0;
  const double megabits = argc == 4 ? std::atof(argv[2]) : 0;
  const double one_way_ms = argc == 4 ? std::atof(argv[3]) : 0;
  if (sites < 2 || sites > 200 || !(megabits > 0) || !(one_way_ms > 0)) {
    fmt::print(stderr, "usage: tun_mesh SITES MEGABITS_PER_SECOND ONE_WAY_MS, all above 0\n");
    return 2;
  }
  const auto done = run(mesh(static_cast<std::uint32_t>(sites), megabits, one_way_ms));
  if (!done) fmt::print(stderr, "tun_mesh: {}\n", done.error().what);
  return done ? 0 : 1;
}
