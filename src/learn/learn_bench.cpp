#include <benchmark/benchmark.h>

#include "axs/learn/adamw.h"
#include "axs/learn/gemm.h"
#include "axs/learn/model.h"

using namespace axs::learn;

namespace {

Batch some_batch(const ModelShape& shape, std::size_t sequences) {
  Batch batch;
  for (std::size_t i = 0; i < sequences * shape.context; ++i) {
    batch.inputs.push_back(static_cast<std::uint8_t>(i * 7 % 251));
    batch.targets.push_back(static_cast<std::uint8_t>((i + 1) * 7 % 251));
  }
  return batch;
}

/// One training step of nanoGPT's CPU recipe: forward, backward, clipping, AdamW.
void train_step(benchmark::State& state) {
  use_threads(1);
  const auto sequences = static_cast<std::size_t>(state.range(0));
  const auto shape = *preset_shape("llama-shakespeare");
  Model model{shape, sequences, 1};
  AdamW optimiser{shape, {}};
  const Batch batch = some_batch(shape, sequences);
  for (auto _ : state) {
    benchmark::DoNotOptimize(model.loss_and_gradient(batch));
    optimiser.step(model.parameters(), model.gradient(), 1e-3);
  }
}
BENCHMARK(train_step)->Arg(12)->Arg(4)->Unit(benchmark::kMillisecond);

void optimiser_step(benchmark::State& state) {
  const auto shape = *preset_shape("llama-shakespeare");
  Model model{shape, 1, 1};
  AdamW optimiser{shape, {}};
  for (auto _ : state) optimiser.step(model.parameters(), model.gradient(), 1e-3);
}
BENCHMARK(optimiser_step)->Unit(benchmark::kMillisecond);

}  // namespace
