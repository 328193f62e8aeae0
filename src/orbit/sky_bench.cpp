#include <benchmark/benchmark.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>

#include "axs/orbit/route.h"
#include "axs/orbit/tle.h"

using namespace axs;
using namespace axs::orbit;

namespace {

const catalog::UtcTime noon = *catalog::parse_utc("2025-10-08T12:00:00Z");
constexpr catalog::GeoPoint san_francisco{37.77, -122.42}, frankfurt{50.11, 8.68},
    tokyo{35.68, 139.69};
constexpr std::array<GroundPair, 3> pairs{
    {{{san_francisco}, {frankfurt}}, {{frankfurt}, {tokyo}}, {{tokyo}, {san_francisco}}}};

std::vector<MeanElements> shipped_elements() {
  std::ifstream file{AXS_SOURCE_DIR "/data/leo-53-550.tle"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  std::vector<MeanElements> elements;
  const auto sets = parse_tle(text, "leo-53-550.tle");
  for (const ElementSet& set : *sets) elements.push_back(set.elements);
  return elements;
}

/// Items are states: position and velocity of one satellite at one time.
void bench_propagate(benchmark::State& state) {
  std::vector<Sgp4> satellites;
  for (const MeanElements& elements : shipped_elements()) satellites.push_back(*prepare(elements));
  double minute = 0;
  for (auto _ : state) {
    minute += 1;
    for (const Sgp4& satellite : satellites) benchmark::DoNotOptimize(propagate(satellite, minute));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(satellites.size()));
}
BENCHMARK(bench_propagate)->Unit(benchmark::kMillisecond);

/// One time: all positions, all lasers, shortest paths between three sites.
void bench_epoch(benchmark::State& state) {
  const Sky sky = *Sky::of_elements(shipped_elements(), noon);
  std::int64_t step = 0;
  for (auto _ : state) {
    const SkyGraph graph{sky, noon + seconds(++step)};
    for (const auto& [from, to] : pairs)
      benchmark::DoNotOptimize(graph.shortest(sky.station(from.at), sky.station(to.at)));
  }
}
BENCHMARK(bench_epoch)->Unit(benchmark::kMillisecond);

/// The sky of a run of ten minutes at ten times its speed, sampled every 100 ms.
void bench_run(benchmark::State& state) {
  const Sky sky = *Sky::of_elements(shipped_elements(), noon);
  for (auto _ : state)
    benchmark::DoNotOptimize(
        routes_over_time(sky, pairs, {.start = noon, .speed = 10, .length = seconds(600)}));
}
BENCHMARK(bench_run)->Unit(benchmark::kMillisecond);

}  // namespace
