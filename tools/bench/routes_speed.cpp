// routes_speed CONSTELLATION STATIONS EPOCHS: processor time for all shortest ways between stations
// over a constellation, beside Dijkstra's algorithm with a binary heap on the same links in the
// same run, and whether both agree to the last bit. One thread.

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "axs/catalog/places.h"
#include "axs/config/constellation.h"
#include "axs/orbit/route_table.h"
#include "processor_time.h"
#include "sky_peak.h"

namespace {

using namespace axs;
using namespace axs::orbit;

double processor_ms() {
  return 1e3 * processor_seconds();
}

/// Milliseconds of what was measured, by its name.
class Times {
 public:
  template <class Work>
  auto time(const std::string& name, Work work) {
    const double begin = processor_ms();
    auto result = work();
    add(name, processor_ms() - begin);
    return result;
  }
  void add(const std::string& name, double ms) { ms_[name].push_back(ms); }
  double median(const std::string& name) const { return at(name, 0.5); }
  double last(const std::string& name) const { return ms_.at(name).back(); }
  void print(const std::string& name, const std::string& note) const {
    fmt::print("{:46} {:8.3f} ms  ({:.3f} to {:.3f})  {}\n", name, median(name), at(name, 0.1),
               at(name, 0.9), note);
  }

 private:
  double at(const std::string& name, double share) const {
    std::vector<double> sorted = ms_.at(name);
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
  }

  std::map<std::string, std::vector<double>> ms_;
};

/// The peer: the links from their definitions, Dijkstra's algorithm with a binary heap per station.
class Peer {
 public:
  Peer(const Sky& sky, const std::vector<Vec3>& where, const std::vector<GroundStation>& stations)
      : arcs_(where.size()), up_(stations.size()) {
    for (const auto& [a, b] : sky.lasers()) {
      if (!laser_reaches(where[a], where[b], sky.options().lasers)) continue;
      const double km = norm(where[a] - where[b]);
      arcs_[a].push_back({b, km});
      arcs_[b].push_back({a, km});
    }
    for (std::size_t s = 0; s < stations.size(); ++s) {
      const Sight sight{stations[s]};
      for (std::uint32_t i = 0; i < where.size(); ++i)
        if (sight.sees(where[i]))
          up_[s].push_back({i, norm(where[i] - stations[s].at.position_km)});
    }
  }

  std::vector<double> from(std::size_t station) const {
    std::vector<double> km(arcs_.size(), INFINITY);
    std::priority_queue<std::pair<double, std::uint32_t>,
                        std::vector<std::pair<double, std::uint32_t>>, std::greater<>>
        heap;
    for (const auto& [satellite, up_km] : up_[station]) heap.emplace(up_km, satellite);
    for (const auto& [satellite, up_km] : up_[station]) km[satellite] = up_km;
    while (!heap.empty()) {
      const auto [at_km, at] = heap.top();
      heap.pop();
      if (at_km > km[at]) continue;
      for (const auto& [next, laser_km] : arcs_[at]) {
        if (!(at_km + laser_km < km[next])) continue;
        km[next] = at_km + laser_km;
        heap.emplace(km[next], next);
      }
    }
    std::vector<double> to_stations;
    for (const auto& links : up_) {
      double best = INFINITY;
      for (const auto& [satellite, down_km] : links) best = std::min(best, km[satellite] + down_km);
      to_stations.push_back(best);
    }
    return to_stations;
  }

 private:
  /// To a satellite, so far.
  struct Arc {
    std::uint32_t satellite;
    double km;
  };

  std::vector<std::vector<Arc>> arcs_;
  std::vector<std::vector<Arc>> up_;
};

struct Scene {
  Sky sky;
  catalog::UtcTime start;
  std::vector<GroundStation> stations;
};

struct Tally {
  long distances = 0, unreachable = 0, differ = 0;
};

void compare(const RouteTable& table, const std::vector<std::vector<double>>& want, Tally& tally) {
  for (std::size_t from = 0; from < want.size(); ++from) {
    for (std::size_t to = 0; to < want.size(); ++to) {
      const double got = table.length_km(from, to);
      ++tally.distances;
      tally.unreachable += std::isinf(got);
      tally.differ +=
          std::bit_cast<std::uint64_t>(got) != std::bit_cast<std::uint64_t>(want[from][to]);
    }
  }
}

const std::string peer_graph = "peer: lasers and up-links";
const std::string peer_search = "peer: Dijkstra, binary heap";
const std::string lasers = "AXS: lasers, lengths and line of sight";
const std::string up_links = "AXS: up-links";
const std::string routing = "AXS: routing, ";
const std::string whole_epoch = "AXS: whole epoch, ";

/// One instant: the links, timed, and the table's update, from which those for the up-links are
/// taken away to get the routing alone.
void measure(const Scene& scene, std::vector<Vec3> where, RouteTable& table,
             const std::string& name, Times& times) {
  SkyGraph graph =
      times.time(lasers, [&] { return SkyGraph{scene.sky, {std::move(where), {}, {}}}; });
  const double lasers_ms = times.last(lasers);
  times.time(up_links, [&] { return graph.up_links(scene.stations); });
  const double begin = processor_ms();
  table.update(std::move(graph));
  const double update_ms = processor_ms() - begin;
  times.add(routing + name, update_ms - times.last(up_links));
  times.add(whole_epoch + name, update_ms + lasers_ms);
}

/// Epochs `step` apart, or each from scratch if there is no step.
struct Scan {
  std::string name;
  Duration step{};
  int epochs{};
  SimdLevel level = simd_level();
};

void run(const Scene& scene, const Scan& scan, Times& times, Tally& tally) {
  RouteTable table{scene.stations, scan.level};
  const bool afresh = scan.step == Duration{};
  for (int epoch = 0; epoch <= scan.epochs; ++epoch) {
    const catalog::UtcTime now = scene.start + (afresh ? seconds(60) : scan.step) * epoch;
    const std::vector<Vec3> where = scene.sky.positions_km(now);
    if (afresh) table = RouteTable{scene.stations, scan.level};
    if (epoch == 0)
      table.update(SkyGraph{scene.sky, {where, {}, {}}});
    else
      measure(scene, where, table, scan.name, times);
    const Peer peer =
        times.time(peer_graph, [&] { return Peer{scene.sky, where, scene.stations}; });
    const auto want = times.time(peer_search, [&] {
      std::vector<std::vector<double>> rows;
      for (std::size_t s = 0; s < scene.stations.size(); ++s) rows.push_back(peer.from(s));
      return rows;
    });
    compare(table, want, tally);
  }
}

/// The least that any way of solving can do: ask of each laser, in both directions and for each
/// station, whether it makes a way shorter; an addition and a minimum.
double limit_ms(const Scene& scene) {
  const double operations = 2.0 * 2.0 * static_cast<double>(scene.sky.lasers().size()) *
                            static_cast<double>(scene.stations.size());
  const double begin = processor_ms();
  const double done = peak();
  return operations * (processor_ms() - begin) / done;
}

template <class T>
T or_exit(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "routes_speed: {}\n", result.error().what);
  std::exit(2);
}

Scene read_scene(const char* constellation_file, const char* stations_file) {
  const auto constellation = or_exit(config::read_constellation(constellation_file));
  Scene scene{or_exit(Sky::of_shells(constellation.shells, constellation.links)),
              constellation.shells[0].epoch,
              {}};
  std::ifstream file{stations_file};
  for (std::string line; std::getline(file, line);)
    scene.stations.push_back(scene.sky.station(or_exit(catalog::parse_place(line))));
  return scene;
}

std::vector<Scan> scans(int epochs) {
  std::vector<Scan> all{{.name = "from scratch", .epochs = epochs},
                        {.name = "100 ms later", .step = milliseconds(100), .epochs = epochs},
                        {.name = "1 s later", .step = seconds(1), .epochs = epochs},
                        {.name = "15 s later", .step = seconds(15), .epochs = epochs}};
  for (const SimdLevel level : simd_levels) {
    if (level >= simd_level()) continue;
    const std::string width = level == SimdLevel::avx2 ? ", AVX2" : ", scalar";
    all.push_back({"from scratch" + width, {}, epochs / 4, level});
    all.push_back({"100 ms later" + width, milliseconds(100), epochs / 4, level});
  }
  return all;
}

void report(const Scene& scene, const std::vector<Scan>& all, const Times& times) {
  const auto stations = static_cast<double>(scene.stations.size());
  const double pairs = stations * (stations - 1);
  const double peer = times.median(peer_search), limit = limit_ms(scene);
  fmt::print(
      "{} stations, {:.0f} ordered pairs; {} satellites, {} lasers. Processor time per epoch, one "
      "core:\nmedian (10th to 90th percentile)\n",
      stations, pairs, scene.sky.size(), scene.sky.lasers().size());
  times.print(peer_graph, "");
  times.print(peer_search, fmt::format("{:.3f} ms a station", peer / stations));
  times.print(lasers, "");
  times.print(up_links, "");
  for (const Scan& scan : all) {
    const double ms = times.median(routing + scan.name);
    times.print(routing + scan.name,
                fmt::format("{:.0f} times the peer, {:.1f} M pairs/s, {:.0f} % of the limit",
                            peer / ms, pairs / ms / 1e3, 100 * limit / ms));
  }
  for (const Scan& scan : all)
    if (scan.level == simd_level()) times.print(whole_epoch + scan.name, "positions given");
  fmt::print(
      "limit: {:.3f} ms, each laser asked once each way for each station, at this "
      "processor's rate of additions\n",
      limit);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const Scene scene = read_scene(argv[1], argv[2]);
  const std::vector<Scan> all = scans(std::atoi(argv[3]));
  Times times;
  Tally tally;
  for (const Scan& scan : all) run(scene, scan, times, tally);
  report(scene, all, times);
  fmt::print("distances compared {}, of these without a way {}, that differ in any bit {}\n",
             tally.distances, tally.unreachable, tally.differ);
  return tally.differ == 0 ? 0 : 1;
}
