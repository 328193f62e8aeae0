// What a prediction costs: the search makes one for each plan that it looks at.
#include <benchmark/benchmark.h>

#include "axs/plan/gpt3_testing.h"
#include "axs/plan/layer_time.h"
#include "axs/plan/matrix_product.h"
#include "axs/plan/memory.h"
#include "axs/plan/step_time.h"

namespace {

using namespace axs;
using namespace axs::plan;

/// GPT-3 175B on 1,024 A100.
Workload gpt3() {
  Workload work = testing::gpt3_on_a100();
  work.plan.data = 16;
  work.plan.global_batch = 1536;
  return work;
}

const Calibration calibration{};

void product(benchmark::State& state) {
  const Workload work = gpt3();
  const Machine machine = machine_of(work.accelerator, work.network, calibration);
  MatrixProduct p{2048, 6144, 12288};
  for (auto _ : state) {
    benchmark::DoNotOptimize(p);
    benchmark::DoNotOptimize(product_time(p, machine));
  }
}
BENCHMARK(product);

void layer(benchmark::State& state) {
  const Workload work = gpt3();
  const Machine machine = machine_of(work.accelerator, work.network, calibration);
  for (auto _ : state) benchmark::DoNotOptimize(layer_time(work, machine, calibration.shared));
}
BENCHMARK(layer);

void step(benchmark::State& state) {
  const Workload work = gpt3();
  for (auto _ : state) benchmark::DoNotOptimize(step_time(work, calibration));
}
BENCHMARK(step);

void memory(benchmark::State& state) {
  const Workload work = gpt3();
  for (auto _ : state) benchmark::DoNotOptimize(memory_use(work, calibration.memory));
}
BENCHMARK(memory);

}  // namespace
