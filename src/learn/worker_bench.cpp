#include "axs/learn/worker.h"

#include <benchmark/benchmark.h>

#include "axs/learn/worker_testing.h"

using namespace axs;
using namespace axs::learn;
using namespace axs::train;

namespace {

/// llama-1m on one of three sites, 4 sequences in a step.
Begin job(const TestFolder& folder) {
  Begin begin = small_job(folder, 0, 3);
  begin.model = {
      .layers = 5, .heads = 4, .kv_heads = 2, .width = 128, .hidden = 384, .context = 128};
  begin.train.sequences = 12;
  return begin;
}

/// What a worker does for one sync, of which its own part is the only one.
class OneSync {
 public:
  explicit OneSync(const Begin& begin) : worker_{*Worker::create(begin)} {}

  void step() {
    (void)worker_.receive(SiteSync::Capture{sync_, 1}, {}, said_);
    (void)worker_.work(said_);
  }
  void capture() { (void)worker_.work(said_); }
  void apply() {
    const auto captured = std::get<SiteSync::Captured>(said_.back().message);
    const ByteVector blob = said_.back().blob;
    said_.clear();
    (void)worker_.receive(SiteSync::Apply{sync_, {{captured.contribution}, {}}, {}, 0}, blob,
                          said_);
    sync_ = next(sync_);
  }

 private:
  Worker worker_;
  std::vector<Outgoing> said_;
  SyncId sync_;
};

enum class Part { step, capture, apply };

template <Part timed>
void worker(benchmark::State& state) {
  const TestFolder folder;
  OneSync sync{job(folder)};
  const auto part = [&](Part which, auto run) {
    if (which != timed) state.PauseTiming();
    run();
    if (which != timed) state.ResumeTiming();
  };
  for (auto _ : state) {
    part(Part::step, [&] { sync.step(); });
    part(Part::capture, [&] { sync.capture(); });
    part(Part::apply, [&] { sync.apply(); });
  }
}
BENCHMARK(worker<Part::step>)->Unit(benchmark::kMillisecond);
BENCHMARK(worker<Part::capture>)->Unit(benchmark::kMillisecond);
BENCHMARK(worker<Part::apply>)->Unit(benchmark::kMillisecond);

/// Saving is what of a capture that goes with the size of the whole model.
void worker_save(benchmark::State& state) {
  const TestFolder folder;
  auto saved = *Worker::create(job(folder));
  std::vector<Outgoing> said;
  for (auto _ : state) (void)saved.receive(Quit{}, {}, said);
}
BENCHMARK(worker_save)->Unit(benchmark::kMillisecond);

}  // namespace
