// What the flow simulator does in a second of one core, on scenes like those that it is for.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "axs/catalog/utc.h"
#include "axs/orbit/sky.h"
#include "axs/twin/flow_comparison.h"
#include "axs/twin/flow_scenes.h"
#include "axs/twin/flow_simulator.h"
#include "axs/twin/packet_simulator.h"
#include "processor_time.h"

using namespace axs;
using namespace axs::twin;

namespace {

constexpr int repetitions = 5;
constexpr BytesPerSecond trunk = bits_per_second(100e9);

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

struct Crowd {
  std::uint32_t flows{};
  bool own_caps = false;  ///< Each flow has a cap unlike all others, so that no two can be bundled.
};

/// Whenever a flow ends another begins, so that always as many share the links, which are full.
Outcome play_closed(const FlowScene& scene, const Crowd& crowd) {
  constexpr std::uint32_t count = 20'000;
  Rng rng{3};
  const FlowSizes sizes;
  FlowSimulator simulator{scene.links};
  for (const auto& route : scene.routes) simulator.add_route(route);
  std::uint64_t id = 0;
  const auto start = [&] {
    Flow flow{.id = id++};
    flow.route = RouteId{static_cast<std::uint32_t>(rng.below(scene.routes.size()))};
    flow.bytes = sizes.draw(rng);
    if (crowd.own_caps) flow.rate_cap = trunk * (0.001 + 0.1 * rng.uniform());
    simulator.start(flow);
  };
  while (id < crowd.flows) start();
  simulator.next(simulator.now());
  const double begin = processor_seconds();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!simulator.next(Instant{INT64_MAX - 1})) std::abort();
    start();
  }
  return {2ULL * count, crowd.flows, processor_seconds() - begin};
}

/// 4,408 satellites in the five shells of Starlink's first licence, each with its +Grid.
orbit::Sky starlink(catalog::UtcTime epoch) {
  struct Shape {
    std::uint32_t planes, slots;
    double inclination, height;
  };
  constexpr std::array<Shape, 5> shapes{{{72, 22, 53, 550},
                                         {72, 22, 53.2, 540},
                                         {36, 20, 70, 570},
                                         {6, 58, 97.6, 560},
                                         {4, 43, 97.6, 560}}};
  std::vector<orbit::Shell> shells;
  for (const auto& [planes, slots, inclination, height] : shapes)
    shells.push_back({.epoch = epoch,
                      .planes = planes,
                      .slots = slots,
                      .inclination_deg = inclination,
                      .mean_motion = orbit::mean_motion_at(height),
                      .walker_f = 1});
  return *orbit::Sky::of_shells(shells);
}

/// Lasers carry 100 Gb/s; a satellite has 20 Gb/s up and 20 down for all its ground stations
/// together. 100 pairs of stations at random places, both ways; every 15 s each takes the shortest
/// path.
class Constellation {
 public:
  explicit Constellation(FlowScene& scene) : scene_{scene} {
    for (const orbit::Laser& laser : sky_.lasers())
      for (const auto& ends : {std::pair{laser.a, laser.b}, std::pair{laser.b, laser.a}})
        lasers_[ends] = link(trunk, milliseconds(4));
    for (std::uint32_t i = 0; i < sky_.size(); ++i) {
      up_.push_back(link(trunk / 5, milliseconds(3)));
      down_.push_back(link(trunk / 5, milliseconds(3)));
    }
    Rng rng{1};
    const auto place = [&] {
      return sky_.station({110 * rng.uniform() - 50, 360 * rng.uniform() - 180});
    };
    for (int i = 0; i < 100; ++i) pairs_.emplace_back(place(), place());
    scene_.routes = routes(noon);
    for (int epoch = 1; epoch < 4; ++epoch) change_routes(seconds(15) * epoch);
  }

 private:
  inline static const catalog::UtcTime noon = *catalog::parse_utc("2025-10-08T12:00:00Z");

  LinkId link(BytesPerSecond rate, Duration delay) {
    scene_.links.push_back({rate, delay});
    return LinkId{static_cast<std::uint32_t>(scene_.links.size() - 1)};
  }
  /// Of each pair, there and back.
  std::vector<std::vector<LinkId>> routes(catalog::UtcTime at) const {
    const orbit::SkyGraph graph{sky_, at};
    std::vector<std::vector<LinkId>> all;
    for (const auto& [from, to] : pairs_)
      for (const auto& path : {graph.shortest(from, to), graph.shortest(to, from)})
        all.push_back(path ? links_over(path->satellites) : std::vector<LinkId>{});
    return all;
  }
  std::vector<LinkId> links_over(const std::vector<std::uint32_t>& satellites) const {
    std::vector<LinkId> links{up_[satellites.front()]};
    for (std::size_t i = 1; i < satellites.size(); ++i)
      links.push_back(lasers_.at({satellites[i - 1], satellites[i]}));
    links.push_back(down_[satellites.back()]);
    return links;
  }
  void change_routes(Duration since_noon) {
    const auto after = routes(noon + since_noon);
    for (std::uint32_t i = 0; i < after.size(); ++i)
      scene_.events.push_back({Instant{} + since_noon, RouteChange{RouteId{i}, after[i]}});
  }

  FlowScene& scene_;
  orbit::Sky sky_ = starlink(noon);
  std::map<std::pair<std::uint32_t, std::uint32_t>, LinkId> lasers_;  ///< By the two satellites.
  std::vector<LinkId> up_;                                            ///< By satellite.
  std::vector<LinkId> down_;
  std::vector<std::pair<orbit::GroundStation, orbit::GroundStation>> pairs_;
};

FlowScene constellation() {
  FlowScene scene{.name = "4,408 satellites", .links = {}};
  Constellation{scene};
  const FlowSizes sizes{.least = 1e6, .most = 1e9, .shape = 1.2};
  add_arrivals(scene,
               {.count = 300'000, .load = 0.8, .sizes = sizes, .cap = bits_per_second(100e6)},
               Rng{2});
  return scene;
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

void report_speed() {
  fmt::print("{:32} {:>8} {:>9} {:>10} {:>10} {:>10}\n", "scene", "flows", "events", "events/s",
             "least", "most");
  for (const std::uint32_t sites : {20U, 100U}) {
    FlowScene capped = wan(sites, trunk, Rng{1});
    add_arrivals(capped, {.count = 200'000, .load = 0.8, .cap = bits_per_second(1e9)}, Rng{2});
    report(capped.name + ", each at most 1 Gb/s", [&] { return play(capped); });
    FlowScene open = wan(sites, trunk, Rng{1});
    add_arrivals(open, {.count = 200'000, .load = 0.95}, Rng{2});
    report(open.name + ", 95 % load", [&] { return play(open); });
    const FlowScene full = wan(sites, trunk, Rng{1});
    for (const std::uint32_t flows : {1'000U, 10'000U})
      report(fmt::format("{}, always {} flows", full.name, flows),
             [&] { return play_closed(full, {.flows = flows}); });
    report(full.name + ", always 1000, own caps",
           [&] { return play_closed(full, {.flows = 1'000, .own_caps = true}); });
  }
  const FlowScene sky = constellation();
  report(sky.name, [&] { return play(sky); });
}

/// Of all flows of a scene, over several seeds.
struct Comparison {
  std::vector<double> ratios;
  std::vector<double> packet_times;
  std::vector<double> fluid_times;

  void add(const FlowScene& scene, const std::vector<FlowEnd>& packets,
           const std::vector<FlowEnd>& fluid) {
    const auto more = completion_ratios(scene, packets, fluid);
    ratios.insert(ratios.end(), more.begin(), more.end());
    for (const auto& [flow, time] : completion_times(scene, packets))
      packet_times.push_back(time.seconds());
    for (const auto& [flow, time] : completion_times(scene, fluid))
      fluid_times.push_back(time.seconds());
  }
  void print(const std::string& name) const {
    fmt::print("{:32} {:8} {:8.3f} {:8.3f} {:8.3f} {:8.3f}\n", name, ratios.size(),
               percentile(ratios, 1), percentile(ratios, 50), percentile(ratios, 99),
               percentile(packet_times, 99) / percentile(fluid_times, 99));
  }
};

void report_packets(const char* what, const FlowSizes& sizes) {
  fmt::print("\n{:32} {:>8} {:>8} {:>8} {:>8} {:>8}\n", what, "flows", "p1", "p50", "p99",
             "of p99s");
  std::map<std::string, Comparison> by_scene;
  Comparison all;
  std::uint64_t bytes = 0;
  double seconds = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    for (const FlowScene& scene : small_scenes(seed, sizes)) {
      const double begin = processor_seconds();
      const auto packets = play_packets(scene);
      seconds += processor_seconds() - begin;
      const auto fluid = play_flows(scene);
      by_scene[scene.name].add(scene, packets, fluid);
      all.add(scene, packets, fluid);
      for (const SceneEvent& event : scene.events)
        if (const auto* flow = std::get_if<Flow>(&event.what)) bytes += flow->bytes;
    }
  for (const auto& [name, comparison] : by_scene) comparison.print(name);
  all.print("all");
  fmt::print("packets end to end per second: {:.0f}\n",
             static_cast<double>(bytes) / packet_size.value() / seconds);
}

}  // namespace

int main() {
  report_speed();
  report_packets("packets / fluid, 0.3 to 6 MB", long_flows);
  report_packets("packets / fluid, 15 to 300 kB", {.least = 1.5e4, .most = 3e5, .shape = 1.2});
}
