// What the flow simulator does in a second of one core, on scenes like those that it is for.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "axs/twin/flow_scenes.h"
#include "axs/twin/flow_simulator.h"

using namespace axs;
using namespace axs::twin;

namespace {

constexpr int repetitions = 5;
constexpr BytesPerSecond trunk = bits_per_second(100e9);

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Outcome {
  std::uint64_t events{};
  std::uint64_t most_flows{};
  double seconds{};
};

/// As play_flows(), and notes how many flows there are at once.
Outcome play(const FlowScene& scene) {
  Outcome outcome;
  const double begin = processor_seconds();
  const std::vector<FlowEnd> ends = play_flows(scene);
  outcome.seconds = processor_seconds() - begin;
  outcome.events = scene.events.size() + ends.size();
  std::vector<std::pair<Instant, int>> steps;
  for (const SceneEvent& event : scene.events)
    if (std::holds_alternative<Flow>(event.what)) steps.emplace_back(event.at, 1);
  for (const FlowEnd& end : ends) steps.emplace_back(end.sent_at, -1);
  std::sort(steps.begin(), steps.end());
  std::int64_t flows = 0;
  for (const auto& [at, change] : steps)
    outcome.most_flows = std::max(outcome.most_flows, static_cast<std::uint64_t>(flows += change));
  return outcome;
}

/// Whenever a flow ends another begins, so that always `flows` share the links, which are full.
Outcome play_closed(const FlowScene& scene, std::uint32_t flows, std::uint32_t count) {
  Rng rng{3};
  const FlowSizes sizes;
  FlowSimulator simulator{scene.links};
  for (const auto& route : scene.routes) simulator.add_route(route);
  std::uint64_t id = 0;
  const auto start = [&] {
    Flow flow{.id = id++};
    flow.route = RouteId{static_cast<std::uint32_t>(rng.below(scene.routes.size()))};
    flow.bytes = sizes.draw(rng);
    simulator.start(flow);
  };
  while (id < flows) start();
  simulator.next(simulator.now());
  const double begin = processor_seconds();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!simulator.next(Instant{INT64_MAX - 1})) std::abort();
    start();
  }
  return {2ULL * count, flows, processor_seconds() - begin};
}

template <class Play>
void report(const std::string& name, Play&& play) {
  std::vector<double> rates;
  Outcome outcome;
  for (int i = 0; i < repetitions; ++i) {
    outcome = play();
    rates.push_back(static_cast<double>(outcome.events) / outcome.seconds);
  }
  std::sort(rates.begin(), rates.end());
  fmt::print("{:34} {:8} {:9} {:10.0f} {:10.0f} {:10.0f}\n", name, outcome.most_flows,
             outcome.events, rates[repetitions / 2], rates.front(), rates.back());
}

}  // namespace

int main() {
  fmt::print("{:34} {:>8} {:>9} {:>10} {:>10} {:>10}\n", "scene", "flows", "events", "events/s",
             "least", "most");
  for (const std::uint32_t sites : {20U, 100U}) {
    FlowScene open = wan(sites, trunk, Rng{1});
    add_arrivals(open, {.count = 200'000, .load = 0.8, .cap = bits_per_second(1e9)}, Rng{2});
    report(open.name + ", NICs of 1 Gb/s", [&] { return play(open); });
    FlowScene bare = wan(sites, trunk, Rng{1});
    add_arrivals(bare, {.count = 200'000, .load = 0.95}, Rng{2});
    report(bare.name + ", no NICs, 95 % load", [&] { return play(bare); });
    for (const std::uint32_t flows : {1'000U, 10'000U})
      report(fmt::format("{}, {} flows, all full", bare.name, flows),
             [&] { return play_closed(bare, flows, 20'000); });
  }
}
