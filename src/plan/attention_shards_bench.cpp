// Placing one layer's attention over unequal devices, and the cost of an exchange between sites.
#include <benchmark/benchmark.h>

#include "axs/plan/attention_shards.h"
#include "axs/plan/outer_choice.h"

namespace {

using namespace axs;
using namespace axs::plan;

/// Llama 3 70B's attention; every second device has half the rate.
AttentionProblem llama(std::uint32_t sequence, std::uint32_t devices) {
  AttentionProblem problem;
  problem.layer = {.sequence = sequence, .heads = 64, .kv_heads = 8, .head_width = 128};
  problem.query_block = 1024;
  problem.key_range = 2048;
  const AttentionDevice fast{FlopsPerSecond{400e12}, BytesPerSecond{3.0e12}, Bytes{40e9},
                             BytesPerSecond{50e9}, sequence / devices};
  const AttentionDevice slow{FlopsPerSecond{190e12}, BytesPerSecond{1.5e12}, Bytes{20e9},
                             BytesPerSecond{25e9}, sequence / devices};
  for (std::uint32_t i = 0; i < devices; ++i) problem.devices.push_back(i % 2 == 0 ? fast : slow);
  return problem;
}

void place(benchmark::State& state) {
  const AttentionProblem problem =
      llama(static_cast<std::uint32_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1)));
  for (auto _ : state) {
    const auto placed = *place_shards(problem);
    state.counters["shards"] = static_cast<double>(placed.shards.size());
    state.counters["to bound"] = placed.makespan / placed.bound;
  }
}
BENCHMARK(place)
    ->Args({32768, 8})
    ->Args({65536, 16})
    ->Args({131072, 16})
    ->Args({131072, 64})
    ->Unit(benchmark::kMillisecond);

const OuterJob job{10e9, 48, {Seconds{0.8}, Seconds{0.8}, Seconds{0.9}}};

void outer(benchmark::State& state) {
  const OuterSync sync{.period = 100, .fragments = 16, .overlap = 1, .bits = 4};
  const RingLink link{bits_per_second(2e9), Seconds{0.1}};
  for (auto _ : state) benchmark::DoNotOptimize(outer_cost(job, sync, link));
}
BENCHMARK(outer);

void choose(benchmark::State& state) {
  const std::vector<LinkSpell> day(96, {{bits_per_second(2e9), Seconds{0.1}}, Seconds{900}});
  for (auto _ : state) benchmark::DoNotOptimize(choose_outer(job, day, {}));
}
BENCHMARK(choose);

}  // namespace
