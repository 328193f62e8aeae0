#include "axs/plan/published_run.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/config/plan_facts.h"
#include "axs/plan/memory.h"
#include "axs/plan/score.h"

using namespace axs;
using namespace axs::plan;

namespace {

const Facts& facts() {
  static const Facts shipped = *config::parse_plan_facts(config::shipped_plan_files());
  return shipped;
}

PublishedRun llama() {
  PublishedRun run;
  run.line = 2;
  run.source = "somebody's blog";
  run.model = "Llama 3 8B";
  run.accelerator = "H100";
  run.precision = "bf16";
  run.parameters_billion = 8.03;
  run.layers = 32;
  run.hidden = 4096;
  run.heads = 32;
  run.feed_forward = 14336;
  run.vocabulary = 128256;
  run.sequence = 8192;
  run.global_batch = 64;
  run.micro_batch = 1;
  run.devices = 16;
  run.tensor = 2;
  run.pipeline = 1;
  return run;
}

std::string why_not(const PublishedRun& run) {
  const auto work = workload_of(run, facts());
  return work ? "" : work.error().what;
}

}  // namespace

TEST_CASE("published: shared keys, gate and tying are told from the number of parameters") {
  const ModelShape shape = workload_of(llama(), facts())->shape;
  CHECK(shape.gated);
  CHECK_FALSE(shape.tied);
  CHECK(shape.kv_heads == 8);
  CHECK(parameters(shape) == doctest::Approx(8.03e9).epsilon(0.002));
  PublishedRun gpt = llama();
  gpt.feed_forward = 4 * 4096;
  CHECK_FALSE(workload_of(gpt, facts())->shape.gated);
}

TEST_CASE("published: an unknown source has the defaults, a known one its facts") {
  const Workload unknown = *workload_of(llama(), facts());
  CHECK(unknown.plan.data == 8);
  CHECK(unknown.plan.sequence_parallel);
  CHECK(unknown.plan.sharding == Sharding::optimizer);
  CHECK(unknown.software.attention == Attention::flash2);
  CHECK(unknown.network.node_rate == BytesPerSecond{400e9});
  PublishedRun run = llama();
  run.source = "VIA-Research/vTrain";
  run.accelerator = "A100-80";
  const Workload known = *workload_of(run, facts());
  CHECK(known.plan.sharding == Sharding::none);
  CHECK(known.software.attention == Attention::classic);
  CHECK(known.network.node_rate == BytesPerSecond{100e9});
  CHECK(known.network.rails == 4);
}

TEST_CASE("published: a micro-batch that nobody tells is the fastest that fits") {
  PublishedRun run = llama();
  run.micro_batch.reset();
  const Workload chosen = *workload_of(run, facts());
  for (const std::uint32_t other : {1u, 2u, 4u, 8u}) {
    Workload tried = chosen;
    tried.plan.micro_batch = other;
    tried.software.memory_figure = MemoryFigure::device;
    if (memory_use(tried, facts().calibration.memory)->total > tried.accelerator.memory) continue;
    CHECK(step_time(chosen, facts().calibration)->total <=
          step_time(tried, facts().calibration)->total);
  }
}

TEST_CASE("published: a batch that a table has rounded is a whole number of micro-batches") {
  PublishedRun run = llama();
  run.global_batch = 65;
  CHECK(workload_of(run, facts())->plan.global_batch == 64);
}

TEST_CASE("published: NeMo's shapes give the model FLOP/s that it prints") {
  struct Printed {
    const char* model;
    double sequence, batch, devices, seconds, tflops;
  };
  // Of its table; seconds are given with two or three digits.
  for (const Printed& p :
       {Printed{"GPT3-5B", 2048, 2048, 64, 2.91, 736}, Printed{"GPT3-20B", 2048, 256, 64, 1.4, 750},
        Printed{"Nemotron-8B", 4096, 256, 64, 1.29, 653},
        Printed{"Nemotron-22B", 4096, 256, 64, 3.85, 554},
        Printed{"Nemotron-340B", 4096, 32, 128, 3.18, 678}}) {
    CAPTURE(p.model);
    const auto known = std::ranges::find(facts().shapes, p.model, &KnownShape::model);
    REQUIRE(known != facts().shapes.end());
    const Flops step = training_flops_per_token(known->shape, p.sequence) * (p.sequence * p.batch);
    CHECK(step.value() / p.seconds / p.devices / 1e12 == doctest::Approx(p.tflops).epsilon(0.002));
  }
}

TEST_CASE("published: why a run cannot be predicted") {
  PublishedRun run = llama();
  run.accelerator = "TPU v9";
  CHECK(why_not(run) == "accelerator \"TPU v9\" is not in the catalogue");
  run = llama();
  run.layers.reset();
  CHECK(why_not(run) == "no shape of the model");
  run = llama();
  run.tensor.reset();
  CHECK(why_not(run) == "no parallel plan printed");
  run = llama();
  run.data = 4;
  CHECK(why_not(run) == "n_gpus 16 is not tp × pp × dp × cp");
  run = llama();
  run.expert = 8;
  CHECK(why_not(run) == "mixtures of experts are not modelled");
  run = llama();
  run.precision = "int8";
  CHECK(why_not(run) == "precision \"int8\" is not modelled");
  run = llama();
  run.global_batch = 60;
  CHECK(why_not(run) == "global batch 60, want a multiple of data × micro-batch, 8");
}

TEST_CASE("score: errors of a list") {
  const Errors errors = errors_of({0.1, -0.3, 0.2});
  CHECK(errors.count == 3);
  CHECK(errors.mean_size == doctest::Approx(0.2));
  CHECK(errors.median_size == doctest::Approx(0.2));
  CHECK(errors.p90_size == doctest::Approx(0.28));
  CHECK(errors.mean == doctest::Approx(0));
  CHECK(errors.lowest == -0.3);
  CHECK(errors_of({}).count == 0);
}

TEST_CASE("score: what is suspect or empty is left out with the reason") {
  PublishedRun good = llama();
  good.step = step_time(*workload_of(good, facts()), facts().calibration)->total;
  PublishedRun suspect = good;
  suspect.line = 3;
  suspect.notes = "SUSPECT: it says so itself";
  PublishedRun empty = llama();
  empty.line = 4;
  PublishedRun held = llama();
  held.line = 5;
  held.memory = Bytes{1e12};
  const ScoreTable table = score({good, suspect, empty, held}, facts());
  REQUIRE(table.runs.size() == 2);
  REQUIRE(table.left_out.size() == 2);
  CHECK(table.left_out[0].reason == "SUSPECT in the notes");
  CHECK(table.left_out[1].reason == "neither time nor memory");
  REQUIRE(table.sources.size() == 2);
  CHECK(table.sources[0].source == "somebody's blog");
  const SourceScore& all = table.sources[1];
  CHECK(all.step.count == 1);
  CHECK(all.step.mean_size < 1e-12);
  CHECK(all.within == 1);
  CHECK(all.false_fits == 1);
}
