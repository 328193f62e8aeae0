#include "axs/plan/published_run.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/config/facts_testing.h"
#include "axs/plan/memory.h"
#include "axs/plan/names.h"
#include "axs/plan/published_runs_testing.h"
#include "axs/plan/published_software.h"
#include "axs/plan/score.h"

using namespace axs;
using namespace axs::plan;
using axs::plan::testing::llama;

namespace {

std::string why_not(const PublishedRun& run) {
  const auto work = workload_of(run, config::testing::shipped_facts());
  return work ? "" : work.error().what;
}

}  // namespace

TEST_CASE("published: shared keys, gate and tying are told from the number of parameters") {
  const ModelShape shape = workload_of(llama(), config::testing::shipped_facts())->shape;
  CHECK(shape.gated);
  CHECK_FALSE(shape.tied);
  CHECK(shape.kv_heads == 8);
  CHECK(parameters(shape) == doctest::Approx(8.03e9).epsilon(0.002));
  PublishedRun gpt = llama();
  gpt.model = "GPT";
  gpt.feed_forward = 4 * 4096;
  CHECK_FALSE(workload_of(gpt, config::testing::shipped_facts())->shape.gated);
}

TEST_CASE("published: an unknown source has the defaults, a known one its facts") {
  const Workload unknown = *workload_of(llama(), config::testing::shipped_facts());
  CHECK(unknown.plan.data == 8);
  CHECK(unknown.plan.sequence_parallel);
  CHECK(unknown.plan.sharding == Sharding::optimizer);
  CHECK(unknown.software.attention == Attention::flash2);
  CHECK(unknown.network.node_rate == BytesPerSecond{400e9});
  PublishedRun run = llama();
  run.source = "VIA-Research/vTrain";
  run.accelerator = "A100-80";
  const Workload known = *workload_of(run, config::testing::shipped_facts());
  CHECK(known.plan.sharding == Sharding::none);
  CHECK(known.software.attention == Attention::classic);
  CHECK(known.network.node_rate == BytesPerSecond{100e9});
  CHECK(known.network.rails == 4);
}

TEST_CASE("published: a micro-batch that nobody tells is the fastest that fits") {
  PublishedRun run = llama();
  run.micro_batch.reset();
  const Workload chosen = *workload_of(run, config::testing::shipped_facts());
  for (const std::uint32_t other : {1u, 2u, 4u, 8u}) {
    Workload tried = chosen;
    tried.plan.micro_batch = other;
    tried.software.memory_figure = MemoryFigure::device;
    if (memory_use(tried, config::testing::shipped_facts().calibration.memory)->total >
        tried.accelerator.memory)
      continue;
    CHECK(step_time(chosen, config::testing::shipped_facts().calibration)->total <=
          step_time(tried, config::testing::shipped_facts().calibration)->total);
  }
}

TEST_CASE("published: micro-batches that nobody tells are any parts of a replica's batch") {
  PublishedRun run = llama();
  run.micro_batch.reset();
  run.sequence = 1024;
  run.global_batch = 8 * 7;
  CHECK(workload_of(run, config::testing::shipped_facts())->plan.micro_batch == 7);
  run.pipeline = 2;  // Powers of two, as people choose beside a pipeline.
  CHECK(workload_of(run, config::testing::shipped_facts())->plan.micro_batch == 2);
}

TEST_CASE("published: a batch that a table has rounded is a whole number of micro-batches") {
  PublishedRun run = llama();
  run.global_batch = 65;
  CHECK(workload_of(run, config::testing::shipped_facts())->plan.global_batch == 64);
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
    const auto known =
        std::ranges::find(config::testing::shipped_facts().shapes, p.model, &KnownShape::model);
    REQUIRE(known != config::testing::shipped_facts().shapes.end());
    const Flops step = training_flops_per_token(known->shape, p.sequence) * (p.sequence * p.batch);
    CHECK(step.value() / p.seconds / p.devices / 1e12 == doctest::Approx(p.tflops).epsilon(0.002));
  }
}

TEST_CASE("published: parameters of public models, all and of a token, are those printed") {
  struct Printed {
    const char* model;
    double all, active;  // in billions
  };
  for (const Printed& p : {Printed{"Mixtral 8x7B", 46.7, 12.9},
                           Printed{"mixtral-8x22b", 141, 39},
                           Printed{"DeepSeek-V3 671B", 671, 37},
                           Printed{"DeepSeek V2", 236, 21},
                           Printed{"Kimi-K2", 1040, 32},
                           Printed{"Qwen3 30B_a3B", 30.5, 3.3},
                           Printed{"Qwen3-235B-A22B", 235, 22},
                           Printed{"Llama4 Scout", 109, 17},
                           Printed{"Llama 4 Maverick", 400, 17},
                           Printed{"GPT-OSS 120B", 117, 5.1},
                           Printed{"GPT-OSS 20B", 20.9, 3.6},
                           Printed{"Grok-1", 314, 84},
                           Printed{"DBRX", 132, 36},
                           Printed{"GLM-4.5", 355, 32},
                           Printed{"Moonlight 16B", 16, 3},
                           Printed{"DeepSeek-V2-Lite", 15.7, 2.4},
                           Printed{"LLaMA 65B", 65.2, 65.2},
                           Printed{"LLAMA2-70B", 69, 69},
                           Printed{"CodeLlama-34B", 33.7, 33.7},
                           Printed{"Mistral-7B", 7.24, 7.24},
                           Printed{"Yi-34B", 34.4, 34.4},
                           Printed{"Qwen2.5-72B", 72.7, 72.7},
                           Printed{"Qwen2-7B", 7.62, 7.62},
                           Printed{"Gemma 2B", 2.51, 2.51},
                           Printed{"gemma-7b", 8.54, 8.54},
                           Printed{"Gemma3-12B", 11.8, 11.8},
                           Printed{"PaLM-540B", 540, 540},
                           Printed{"Llama 3.1 405B", 405, 405}}) {
    CAPTURE(p.model);
    const KnownShape* const known = most_like(config::testing::shipped_facts().shapes, p.model);
    REQUIRE(known);
    CHECK(parameters(known->shape) / 1e9 == doctest::Approx(p.all).epsilon(0.03));
    CHECK(active_parameters(known->shape) / 1e9 == doctest::Approx(p.active).epsilon(0.15));
  }
}

TEST_CASE("published: accelerators under the names that tables give them") {
  const auto name = [](const char* text) {
    const AcceleratorFacts* const found =
        most_like(config::testing::shipped_facts().accelerators, text);
    return found ? found->accelerator.name : "";
  };
  CHECK(name("NVIDIA H100 SXM5 80GB") == "H100");
  CHECK(name("DGX-H100") == "H100");
  CHECK(name("A100 40GB") == "A100-40");
  CHECK(name("A100-80") == "A100-80");
  CHECK(name("Ampere") == "A100-80");
  CHECK(name("GH200-96") == "GH200-96");
  CHECK(name("GB200 NVL72") == "GB200");
  CHECK(name("B200") == "B200");
  CHECK(name("B300") == "GB300");
  CHECK(name("v5p-1024") == "TPU v5p");
  CHECK(name("TPU v5e") == "TPU v5e");
  CHECK(name("tpu_v4") == "TPU v4");
  CHECK(name("H800") == "H800");
  CHECK(name("AMD Instinct MI300X") == "MI300X");
  CHECK(name("Zephyr") == "Zephyr");
  CHECK(name("8xH100") == "H100");
  CHECK(name("abacus").empty());
  // No accelerator is part of another one's number.
  CHECK(name("H1000").empty());
  CHECK(name("MI3000").empty());
}

namespace {

std::string software_name(const std::string& source) {
  return software_of(source, config::testing::shipped_facts()).name;
}

}  // namespace

TEST_CASE("published: sources whose software is known, in any case") {
  const auto name = software_name;
  CHECK(name("AI-Hypercomputer/maxtext README.md") == "MaxText");
  CHECK(name("NVIDIA-NeMo/Megatron-Bridge docs/performance-summary.md") == "Megatron-Bridge");
  CHECK(name("NVIDIA/NeMo docs/source/performance") == "NeMo");
  CHECK(name("BloombergGPT (arXiv 2303.17564)") == "Bloomberg");
  CHECK(name("bigscience BLOOM") == "BLOOM");
  CHECK(name("pytorch/torchtitan benchmarks/llama3_h100") == "torchtitan");
  CHECK(name("NVIDIA/Megatron-LM README.md") == "Megatron-LM README");
  CHECK(name("Megatron-LM SC21 (arXiv 2104.04473) Table 1") == "SC21");
  CHECK(name("DeepSeek-V3 (arXiv 2412.19437)") == "DeepSeek");
  CHECK(name("Nemotron-4 15B (arXiv 2402.16819)") == "Nemotron-4");  // Not NeMo.
  CHECK(name("somebody's PyTorch FSDP") == "FSDP");
  CHECK(name("FlashAttention-2 (arXiv 2307.08691)") == "flash-attention");
  CHECK(name("somebody") == "unknown");
}

TEST_CASE("published: a word of a source is no part of another one, and no software by itself") {
  const auto name = software_name;
  CHECK(name("Nemotron-3 8B") == "unknown");  // Not NeMo.
  CHECK(name("ChatGLM2") == "unknown");
  CHECK(name("GLM-4.5 (arXiv 2508.06471)") == "unknown");
  CHECK(name("Adopt (arXiv 2411.02853)") == "unknown");  // Not OPT.
  CHECK(name("OPT-175B (arXiv:2205.01068)") == "OPT");
  CHECK(name("MegaScale-MoE") == "MegaScale");
  CHECK(name("somebody's blog, with flash-attention") == "unknown");
  CHECK(name("TinyLlama (FSDP, FlashAttention 2)") == "FSDP");
  CHECK(name("Dao-AILab/flash-attention training/README.md") == "flash-attention");
  CHECK(name("Megatron-FSDP") == "Megatron-LM README");  // Not PyTorch's.
  CHECK(name("somebody's README.md: A100 40GB") == "unknown");
  CHECK(name("EleutherAI/gpt-neox") == "NeoX");
}

TEST_CASE("published: of the entries of software none hides a later one") {
  for (const SoftwareFacts& software : config::testing::shipped_facts().software) {
    CAPTURE(software.match);
    CHECK(&software_of(software.match, config::testing::shipped_facts()) == &software);
  }
}

TEST_CASE("published: recomputation and precision in the words of tables") {
  const auto again = [](const char* text) {
    PublishedRun run = llama();
    run.recompute = text;
    return workload_of(run, config::testing::shipped_facts())->plan.recompute;
  };
  CHECK(again("full (uniform)") == Recompute::full);
  CHECK(again("minimal") == Recompute::selective);
  CHECK(again("no") == Recompute::none);
  CHECK(again("turned off") == Recompute::none);
  CHECK(again("minimal_offloaded") == Recompute::selective);
  CHECK(again("full, with offload") == Recompute::full);
  CHECK(again("all layers") == Recompute::full);
  CHECK(again("not printed") == Recompute::none);
  const auto precision = [](const char* text) {
    PublishedRun run = llama();
    run.precision = text;
    return workload_of(run, config::testing::shipped_facts())->plan.precision;
  };
  CHECK(precision("FP8-MX") == Precision::fp8);
  CHECK(precision("NVFP4") == Precision::fp4);
  CHECK(precision("BF16") == Precision::bf16);
}

TEST_CASE("published: experts that only a name or the notes tell") {
  PublishedRun run = llama();
  run.model = "somebody's 16x3B";
  run.parameters_billion = 40;
  run.expert = 4;
  const Workload named = *workload_of(run, config::testing::shipped_facts());
  CHECK(named.shape.experts.count == 16);
  CHECK(named.shape.experts.chosen == 2);
  CHECK(named.plan.expert == 4);
  run.model = "a model";
  run.notes = "64 experts, top-6";
  const Workload noted = *workload_of(run, config::testing::shipped_facts());
  CHECK(noted.shape.experts.count == 64);
  CHECK(noted.shape.experts.chosen == 6);
}

TEST_CASE("published: notes that only look like experts or windows") {
  PublishedRun run = llama();
  run.notes = "this was at loss 6.088";
  const ModelShape shape = workload_of(run, config::testing::shipped_facts())->shape;
  CHECK_FALSE(shape.is_mixture());
  CHECK(shape.window == 0);
  run.notes = "SWA-4096";
  CHECK(workload_of(run, config::testing::shipped_facts())->shape.window == 4096);
}

TEST_CASE("published: a plan that nobody tells is the fastest that fits") {
  PublishedRun run = llama();
  run.tensor.reset();
  run.pipeline.reset();
  const Workload chosen = *workload_of(run, config::testing::shipped_facts());
  CHECK(devices(chosen.plan) == 16);
  CHECK(step_time(chosen, config::testing::shipped_facts().calibration)->total <=
        step_time(*workload_of(llama(), config::testing::shipped_facts()),
                  config::testing::shipped_facts().calibration)
            ->total);
}

namespace {

/// Dubey et al. 2024, table 4: 8,192 devices, of which the model finds that they hold too little.
PublishedRun llama_405b() {
  PublishedRun run = llama();
  run.source = "Llama 3 (arXiv 2407.21783)";
  run.model = "Llama 3 405B";
  run.layers = 126;
  run.hidden = 16384;
  run.global_batch = 2048;
  run.devices = 8192;
  run.tensor = 8;
  run.pipeline = 16;
  return run;
}

Bytes held(Workload work) {
  work.software.memory_figure = MemoryFigure::device;
  return memory_use(work, config::testing::shipped_facts().calibration.memory)->total;
}

}  // namespace

TEST_CASE(
    "published: where no choice fits it is the fastest that needs little more than the least") {
  PublishedRun run = llama_405b();
  const Workload chosen = *workload_of(run, config::testing::shipped_facts());
  CHECK(held(chosen) > chosen.accelerator.memory);
  CHECK(chosen.plan.virtual_stages == 7);
  run.virtual_stages = 1;
  const Workload frugal = *workload_of(run, config::testing::shipped_facts());
  CHECK(held(frugal) < held(chosen));
  run.micro_batch.reset();
  const Workload free = *workload_of(run, config::testing::shipped_facts());
  CHECK(held(free) <= 1.25 * held(frugal));
  CHECK(free.plan.micro_batch < 8);
}

TEST_CASE("published: notes that say interleaved, of any software") {
  PublishedRun run = llama_405b();
  run.source = "VIA-Research/vTrain";
  const auto stages = [&](const char* notes) {
    run.notes = notes;
    return workload_of(run, config::testing::shipped_facts())->plan.virtual_stages;
  };
  CHECK(stages("") == 1);
  CHECK(stages("Interleaved 1F1B") == 7);
  CHECK(stages("non-interleaved 1F1B") == 1);
  CHECK(stages("without interleaving") == 1);
  run.pipeline = 1;
  run.devices = 512;
  CHECK(stages("interleaved") == 1);
}

TEST_CASE("published: layers two short of a multiple of the stages leave room for the ends") {
  PublishedRun run = llama_405b();
  const auto stages = [&](std::uint32_t layers, std::uint32_t pipeline) {
    run.layers = layers;
    run.pipeline = pipeline;
    run.devices = 8 * pipeline;
    run.global_batch = 64;
    return workload_of(run, config::testing::shipped_facts())->plan.stage_layers;
  };
  using Layers = std::vector<std::uint32_t>;
  CHECK(stages(22, 8) == Layers{2, 3, 3, 3, 3, 3, 3, 2});
  const Layers llama_3 = stages(126, 16);
  REQUIRE(llama_3.size() == 16);
  CHECK(llama_3.front() == 7);
  CHECK(llama_3[1] == 8);
  CHECK(llama_3.back() == 7);
  CHECK(stages(24, 8).empty());  // As even as may be.
  CHECK(stages(23, 8).empty());
  CHECK(stages(12, 2).empty());
  run.source = "zero bubble (arXiv 2401.10241)";
  CHECK(stages(22, 8).size() == 8);
  for (const char* const other : {"somebody's blog", "pytorch/torchtitan", "NVIDIA/Megatron-LM"}) {
    run.source = other;
    CHECK(stages(22, 8).empty());
  }
}

TEST_CASE("published: of a cut that nobody tells, ends count as layers in that software only") {
  PublishedRun run = llama();
  run.model = "a large model";  // Of which a node holds too little.
  run.layers = 94;
  run.hidden = 12288;
  run.heads = 96;
  run.feed_forward = 4 * 12288;
  run.parameters_billion = 172;
  run.devices = 256;
  run.pipeline.reset();
  const auto uneven = [&](const char* source) {
    run.source = source;
    const ParallelPlan plan = workload_of(run, config::testing::shipped_facts())->plan;
    REQUIRE(plan.pipeline > 2);
    return !plan.stage_layers.empty();
  };
  CHECK_FALSE(uneven("somebody's blog"));
  CHECK(uneven("Llama 3 (arXiv 2407.21783)"));
}

TEST_CASE("published: an accelerator of a fitted family without a run of its own is zero-shot") {
  PublishedRun run = llama();
  const auto time = [&](const char* accelerator) {
    run.accelerator = accelerator;
    return *step_time(*workload_of(run, config::testing::shipped_facts()),
                      config::testing::shipped_facts().calibration);
  };
  for (const char* const fitted :
       {"A100-40", "A100-80", "H100", "H100-HBM2e-96", "H200", "GH200"}) {
    CAPTURE(fitted);
    CHECK_FALSE(time(fitted).zero_shot);
  }
  for (const char* const other : {"H800", "H20", "H100-PCIe", "A100-PCIe"}) {
    CAPTURE(other);
    CHECK(time(other).zero_shot);
    CHECK(time(other).spread == time("TPU v5p").spread);
  }
}

TEST_CASE("published: what nobody fitted is scored apart") {
  PublishedRun known = llama();
  known.step = Seconds{3};
  PublishedRun unknown = known;
  unknown.accelerator = "TPU v5p";
  const ScoreTable table = score({known, unknown}, config::testing::shipped_facts());
  REQUIRE(table.sources.size() == 4);
  CHECK_FALSE(table.sources[1].zero_shot);
  CHECK(table.sources[1].step.count == 1);
  CHECK(table.sources[3].source == "all");
  CHECK(table.sources[3].zero_shot);
  CHECK(table.sources[3].step.count == 1);
}

TEST_CASE("published: why a run cannot be predicted") {
  PublishedRun run = llama();
  run.accelerator = "TPU v9";
  CHECK(why_not(run) == "accelerator \"TPU v9\" is not in the catalogue");
  run = llama();
  run.layers.reset();
  CHECK(why_not(run) == "no shape of the model");
  run = llama();
  run.heads = 24;
  CHECK(why_not(run) ==
        "heads 24, want a number that divides hidden 4096: no column has their width");
  run.model = "Llama 3 8B";  // Of which the catalogue has it.
  CHECK(why_not(run).empty());
  run.hidden = 3072;  // Another one of that name.
  run.heads = 25;
  CHECK(why_not(run) ==
        "heads 25, want a number that divides hidden 3072: no column has their width");
  run = llama();
  run.devices.reset();
  CHECK(why_not(run) == "no number of devices");
  run.devices = 0;
  CHECK(why_not(run) == "n_gpus 0, want 1 or more");
  run = llama();
  run.data = 4;
  CHECK(why_not(run) == "n_gpus 16, want tp × pp × dp × cp, 8");
  run = llama();
  run.expert = 8;
  CHECK(why_not(run) == "ep 8 of model \"a model\", whose experts nobody tells");
  run.model = "Llama 3 8B";
  CHECK(why_not(run) == "expert 8, want 1, the model is dense");
  run = llama();
  run.precision = "fp32";
  CHECK(why_not(run) == "precision \"fp32\" is not modelled");
  run = llama();
  run.recompute = "perhaps";
  CHECK(why_not(run) == "recompute \"perhaps\", want none, selective or full");
  run = llama();
  run.accelerator = "H100:8+A100:8";
  CHECK(why_not(run) == "several kinds of accelerators, \"H100:8+A100:8\", in one run");
  run = llama();
  run.step = Seconds{1};
  run.global_batch.reset();
  CHECK(why_not(run) == "no global batch");
  run = llama();
  run.tensor = 32;
  CHECK(why_not(run) == "n_gpus 16, want at least tp × pp × cp, 32");
  run = llama();
  run.global_batch = 60;
  CHECK(why_not(run) == "global batch 60, want a multiple of data × micro-batch, 8");
}
