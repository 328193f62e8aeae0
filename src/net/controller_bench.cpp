#include <benchmark/benchmark.h>

#include <map>
#include <vector>

#include "axs/core/rng.h"
#include "axs/net/controller.h"
#include "axs/net/path_monitor.h"

namespace axs::net {
namespace {

/// A full mesh, each pair with a fibre and a sky.
Topology mesh(std::uint32_t count) {
  Rng rng{1};
  std::vector<SiteId> sites;
  std::vector<UnderlayLink> links;
  for (std::uint32_t i = 0; i < count; ++i) sites.push_back(SiteId{i});
  const auto gigabit = bits_per_second(1e9);
  for (std::uint32_t i = 0; i < count; ++i)
    for (std::uint32_t j = 0; j < i; ++j)
      for (int kind = 0; kind < 2; ++kind) {
        const auto id = LinkId{static_cast<std::uint32_t>(links.size())};
        const Duration delay = milliseconds(5 + static_cast<std::int64_t>(rng.below(90)));
        links.push_back({id, sites[i], sites[j], delay, gigabit, gigabit});
      }
  return *Topology::make(sites, links);
}

LinkReport first_report(const Topology& topology, SiteId from, SiteId to) {
  LinkReport report{.from = from, .to = to, .token = 1, .paths = {}};
  for (const auto& path : topology.paths(from, to))
    report.paths.push_back({.path = path.id,
                            .up = true,
                            .rtt = 2 * path.nominal,
                            .jitter = microseconds(300),
                            .loss = 1e-3});
  return report;
}

/// One step of the controller: a report in, its pair evaluated. In turn over all pairs; some path
/// of one report in eight has just died or come back, and agents take orders at once.
void controller_step(benchmark::State& state) {
  const Topology topology = mesh(static_cast<std::uint32_t>(state.range(0)));
  Controller controller{{.topology = topology}};
  std::vector<LinkReport> reports;
  std::map<std::pair<SiteId, SiteId>, std::size_t> index;
  for (const SiteId a : topology.sites())
    for (const SiteId b : topology.sites())
      if (a != b) {
        index[{a, b}] = reports.size();
        reports.push_back(first_report(topology, a, b));
      }
  Rng rng{2};
  Instant now{};
  std::size_t next = 0;
  std::int64_t orders = 0;
  std::vector<Controller::Action> actions;
  for (auto _ : state) {
    LinkReport& report = reports[next++ % reports.size()];
    ++report.sequence;
    if (rng.chance(0.125)) {
      auto& path = report.paths[rng.below(report.paths.size())];
      path.up = !path.up;
    }
    now = now + seconds(1) / static_cast<std::int64_t>(reports.size());
    actions.clear();
    controller.step(now, ReportReceived{report}, actions);
    for (const auto& action : actions)
      if (const auto* order = std::get_if<RouteOrder>(&action)) {
        LinkReport& obeyed = reports[index.at({order->from, order->to})];
        obeyed.applied = order->fence;
        obeyed.routes = order->routes;
        ++orders;
      }
  }
  state.counters["orders/step"] =
      static_cast<double>(orders) / static_cast<double>(state.iterations());
}
BENCHMARK(controller_step)->Arg(3)->Arg(20)->Arg(100);

/// One plan for bulk: each time one pair wants another amount. `pairs` of a mesh have bulk to send.
void superhighway_plan(benchmark::State& state) {
  const Topology topology = mesh(static_cast<std::uint32_t>(state.range(0)));
  const auto pairs = static_cast<std::size_t>(state.range(1));
  Superhighway plan{topology, {}};
  std::vector<LinkReport> reports;
  Instant now{};
  for (const SiteId a : topology.sites())
    for (const SiteId b : topology.sites()) {
      if (a == b || reports.size() == pairs) continue;
      LinkReport& report = reports.emplace_back(first_report(topology, a, b));
      for (auto& path : report.paths) path.rtt_least = path.rtt;
      report.routes.fill(ClassRoute{PathId{0}, {}});
      report.use = {.bulk_waiting = std::uint64_t{1} << 34,
                    .gradient_rate = BytesPerSecond{1e6},
                    .gradient_burst = 400'000};
    }
  std::size_t next = 0;
  const auto hear = [&] {
    const LinkReport& report = reports[next++ % pairs];
    return plan.hear(now, report, topology.paths(report.from, report.to), report.paths).size();
  };
  while (next < pairs) hear();
  std::size_t changed = 0;
  for (auto _ : state) {
    LinkReport& report = reports[next % pairs];
    const bool low = report.use.gradient_rate < BytesPerSecond{1.05e6};
    report.use.gradient_rate = BytesPerSecond{low ? 1.1e6 : 1e6};
    now = now + seconds(2);
    changed += hear();
  }
  state.counters["changed/plan"] =
      static_cast<double>(changed) / static_cast<double>(state.iterations());
}
BENCHMARK(superhighway_plan)
    ->Args({3, 6})
    ->Args({20, 20})
    ->Args({20, 380})
    ->Args({100, 20})
    ->Args({100, 200})
    ->Unit(benchmark::kMillisecond);

/// One hello of a monitor with all candidates of a mesh alive: the wakeup that sends it, the reply,
/// and the peer's hello that comes meanwhile.
void monitor_hello(benchmark::State& state) {
  const Topology topology = mesh(static_cast<std::uint32_t>(state.range(0)));
  PathMonitor monitor{{.local = SiteId{0},
                       .peer = SiteId{1},
                       .paths = topology.paths(SiteId{0}, SiteId{1}),
                       .token = 1}};
  Instant now{};
  std::uint64_t sequence = 0;
  std::int64_t hellos = 0;
  std::vector<PathMonitor::Action> actions, replies;
  Rng rng{3};
  for (auto _ : state) {
    actions.clear();
    monitor.step(now, Wakeup{}, actions);
    now = now + microseconds(100 + static_cast<std::int64_t>(rng.below(300)));
    for (const auto& action : actions)
      if (const auto* hello = std::get_if<Hello>(&action)) {
        ++hellos;
        replies.clear();
        monitor.step(now, HelloReceived{{hello->path, ++sequence, 1, true}, {}}, replies);
        monitor.step(now, HelloReplyReceived{{hello->path, {hello->sequence, 1, {}}}, {}}, replies);
      }
    now = std::max(now, *monitor.wakeup());
  }
  state.SetItemsProcessed(hellos);
  state.counters["paths"] = static_cast<double>(topology.paths(SiteId{0}, SiteId{1}).size());
}
BENCHMARK(monitor_hello)->Arg(3)->Arg(20);

void enumerate_paths(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(mesh(static_cast<std::uint32_t>(state.range(0))));
}
BENCHMARK(enumerate_paths)->Arg(3)->Arg(20)->Arg(100)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace axs::net
