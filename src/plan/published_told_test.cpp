#include <doctest/doctest.h>

#include "axs/config/facts_testing.h"
#include "axs/plan/memory.h"
#include "axs/plan/names.h"
#include "axs/plan/published_runs_testing.h"
#include "axs/plan/published_software.h"
#include "axs/plan/step_time.h"

using namespace axs;
using namespace axs::plan;
using axs::plan::testing::llama;

/// What sources, notes and scripts tell of software and network.

namespace {

PublishedRun hybrid_llama() {
  PublishedRun run = llama();
  run.tensor = 1;
  run.zero_stage = 3;
  run.notes = "HSDP";
  return run;
}

}  // namespace

TEST_CASE("published: a network that the notes tell") {
  PublishedRun run = llama();
  const auto rate = [&](const char* notes) {
    run.notes = notes;
    return workload_of(run, config::testing::shipped_facts())->network.node_rate;
  };
  CHECK(rate("1F1B; 800 Gb/s inter-node per config") == BytesPerSecond{100e9});
  CHECK(rate("EFA of 400 Gb/s per node") == BytesPerSecond{50e9});
  CHECK(rate("400 Gb/s/GPU") == BytesPerSecond{400e9});  // What a node of eight has anyway.
  CHECK(rate("many Gb/s per node") == BytesPerSecond{400e9});
  CHECK(rate("PFC, 800 Gb/s per node") == BytesPerSecond{100e9});
  CHECK(rate("1600 Gbps between nodes") == BytesPerSecond{200e9});
  CHECK(rate("200Gbit/s per node") == BytesPerSecond{25e9});
  for (const char* four : {"4x200 Gb/s per node", "RDMA, 4 x 200Gbps inter-node",
                           "4 × 200 Gb/s inter-node", "4*200 Gb/s per node"}) {
    CHECK(rate(four) == BytesPerSecond{100e9});
    CHECK(workload_of(run, config::testing::shipped_facts())->network.rails == 4);
  }
  for (const char* unclear :
       {"3,200 Gb/s per node", "12.5 Gb/s per node", "1.5x200 Gb/s per node", "x200 Gb/s per node",
        "200 Gb/s inter-node per GPU", "Gb/s per node", " Gb/s per node"})
    CHECK(rate(unclear) == BytesPerSecond{400e9});
}

TEST_CASE("published: windows and overlap in notes") {
  PublishedRun run = llama();
  const auto told = [&](const char* notes) {
    run.notes = notes;
    return *workload_of(run, config::testing::shipped_facts());
  };
  CHECK(told("").shape.window == 0);
  CHECK(told("sliding window attention").shape.window == 4096);  // Half of 8,192.
  for (const char* wide : {"sliding window 1024", "Sliding window of 1024", "sliding window=1024"})
    CHECK(told(wide).shape.window == 1024);
  CHECK(told("overlapped exchange").software.overlaps_data);
  CHECK_FALSE(told("DistributedOptimizer, without overlap").software.overlaps_data);
  CHECK_FALSE(told("NeMo, no overlap").software.overlaps_tensor);
}

TEST_CASE("published: a model of the same name and another width is another one") {
  PublishedRun run = llama();
  run.model = "DeepSeek-V2-Lite 16B";
  run.hidden = 2048;
  const auto& facts = config::testing::shipped_facts();
  CHECK(workload_of(run, facts)->shape.experts.count == 64);
  run.model = "DeepSeek-V2";  // Of 5,120.
  CHECK_FALSE(workload_of(run, facts)->shape.is_mixture());
  run.hidden.reset();
  CHECK(workload_of(run, facts)->shape.hidden == 5120);
}

TEST_CASE("published: which FlashAttention, where somebody says it") {
  PublishedRun run = llama();
  const auto attention = [&](const char* source, const char* notes) {
    run.source = source;
    run.notes = notes;
    return workload_of(run, config::testing::shipped_facts())->software.attention;
  };
  CHECK(attention("somebody", "") == Attention::flash2);
  CHECK(attention("somebody", "with FlashAttention 1") == Attention::flash1);
  CHECK(attention("FlashAttention 1, README.md", "") == Attention::flash1);
  CHECK(attention("GPT-NeoX", "FlashAttention 2") == Attention::flash2);
  CHECK(attention("GPT-NeoX", "") == Attention::classic);
  CHECK(attention("GPT-NeoX", "with FlashAttention-2") == Attention::flash2);
  CHECK(attention("GPT-NeoX", "without FlashAttention 2") == Attention::classic);
  CHECK(attention("GPT-NeoX", "FlashAttention 2, not 1") == Attention::flash2);
  CHECK(attention("GPT-NeoX", "FlashAttention 2, not FlashAttention 1") == Attention::flash2);
  CHECK(attention("GPT-NeoX", "not FlashAttention 1 but FlashAttention 2") == Attention::flash2);
  CHECK(attention("FlashAttention-2, table 1, FlashAttention 1", "") == Attention::flash1);
  CHECK(attention("FlashAttention (arXiv 2205.14135)", "") == Attention::flash1);
  CHECK(attention("FlashAttention-2 (arXiv 2307.08691)", "FlashAttention 1") == Attention::flash1);
  run.precision = "fp16";
  run.recompute = "full";
  run.accelerator = "A100";
  CHECK(attention("somebody", "") == Attention::classic);
  CHECK(attention("somebody", "FlashAttention 2") == Attention::flash2);
}

TEST_CASE("published: what the scripts of BLOOM and GLM-130B say") {
  PublishedRun run = llama();
  run.accelerator = "A100";
  run.source = "BLOOM (arXiv 2211.05100)";
  const Workload bloom = *workload_of(run, config::testing::shipped_facts());
  CHECK(bloom.network.node_rate == BytesPerSecond{50e9});
  CHECK(bloom.network.rails == 4);
  CHECK(bloom.software.launches_block);
  CHECK(bloom.software.gradient_bytes == 4);
  CHECK(bloom.plan.sharding == Sharding::optimizer);
  run.zero_stage = 0;  // A table that says so knows better.
  CHECK(workload_of(run, config::testing::shipped_facts())->plan.sharding == Sharding::none);
  run.zero_stage.reset();
  run.source = "GLM-130B (arXiv 2210.02414)";
  run.model = "GLM-130B";
  run.micro_batch.reset();
  CHECK(workload_of(run, config::testing::shipped_facts())->plan.micro_batch == 1);
}

TEST_CASE("published: what MegaScale has added, Megatron-LM beside it had not") {
  PublishedRun run = llama();
  run.source = "MegaScale (arXiv 2402.15627)";
  const auto software = [&](const char* notes) {
    run.notes = notes;
    return workload_of(run, config::testing::shipped_facts())->software;
  };
  CHECK(software("").attention == Attention::flash2);
  CHECK(software("").pointwise == Pointwise::fused);
  CHECK(software("Megatron-LM").attention == Attention::flash1);
  CHECK(software("Megatron-LM").pointwise == Pointwise::eager);
  CHECK_FALSE(software("Megatron-LM").overlaps_data);
  CHECK(software("Megatron-LM").gradient_bytes == 4);
}

TEST_CASE("published: words for recomputation and precision") {
  PublishedRun run = llama();
  const auto recompute = [&](const char* words) {
    run.recompute = words;
    return workload_of(run, config::testing::shipped_facts())->plan.recompute;
  };
  for (const char* none : {"", "none", "N", "no", "0", "off", "disabled", "unknown", "n/a"})
    CHECK(recompute(none) == Recompute::none);
  for (const char* some :
       {"selective", "core_attn", "attention", "op", "moe, mlp", "every 2 layers", "minimal_flash"})
    CHECK(recompute(some) == Recompute::selective);
  for (const char* full : {"full", "block", "uniform", "full (uniform)", "yes", "Y", "1", "on",
                           "every layer", "gradient checkpointing", "AC", "enabled"})
    CHECK(recompute(full) == Recompute::full);
  run = llama();
  const auto precision = [&](const char* words) {
    run.precision = words;
    return workload_of(run, config::testing::shipped_facts())->plan.precision;
  };
  for (const char* half : {"", "BF16-mixed", "amp", "AMP O2", "16-bit", "half", "fp16", "n/a"})
    CHECK(precision(half) == Precision::bf16);
  for (const char* fp8 : {"FP8 (hybrid)", "E4M3", "bf16+fp8", "MXFP8"})
    CHECK(precision(fp8) == Precision::fp8);
  CHECK(precision("NVFP4") == Precision::fp4);
}

TEST_CASE("published: what cannot have been kept was computed again") {
  PublishedRun run = llama();
  const auto again = [&](const char* recompute, std::uint32_t micro_batch) {
    run.recompute = recompute;
    run.micro_batch = micro_batch;
    return workload_of(run, config::testing::shipped_facts())->plan.recompute;
  };
  CHECK(again("", 1) == Recompute::none);
  CHECK(again("", 8) == Recompute::full);
  CHECK(again("n/a", 8) == Recompute::full);
  CHECK(again("custom", 1) == Recompute::selective);
  CHECK(again("custom", 8) == Recompute::full);
  CHECK(again("none", 8) == Recompute::none);  // A table that says so knows better.
  CHECK(again("selective", 8) == Recompute::selective);
  for (const char* source : {"Megatron-LM README.md", "sailor"}) {
    run.source = source;  // Computes modules again, and software that was fitted as it is.
    CHECK(again("", 8) == Recompute::none);
  }
  run.source = "somebody's blog";
  run.model = "Mixtral 8x7B";  // What mixtures need nobody has published.
  CHECK(again("", 8) == Recompute::none);
}

TEST_CASE("published: int8 is what TPUs have for fp8") {
  CHECK(*precision_told("int8") == Precision::fp8);
  CHECK(*precision_told("bf16/int8 AQT") == Precision::fp8);
  PublishedRun run = llama();
  const auto step = [&](const char* accelerator, const char* precision) {
    run.accelerator = accelerator;
    run.precision = precision;
    const auto& facts = config::testing::shipped_facts();
    return step_time(*workload_of(run, facts), facts.calibration)->total;
  };
  CHECK(step("TPU v5p", "int8") < 0.8 * step("TPU v5p", "bf16"));
  CHECK(step("TPU v4", "int8") >= step("TPU v4", "bf16"));  // It has none.
}

TEST_CASE("published: devices that share a sequence may count as data-parallel ones") {
  PublishedRun run = llama();
  run.context = 2;
  run.data = 8;  // Of 16 devices in tensor pairs.
  CHECK(workload_of(run, config::testing::shipped_facts())->plan.data == 4);
  run.data = 4;
  CHECK(workload_of(run, config::testing::shipped_facts())->plan.data == 4);
  run.data = 16;
  CHECK_FALSE(workload_of(run, config::testing::shipped_facts()));
}

TEST_CASE("published: attention that an accelerator cannot run is replaced") {
  PublishedRun run = llama();
  const auto attention = [&](const char* source, const char* accelerator, const char* notes) {
    run.source = source;
    run.accelerator = accelerator;
    run.notes = notes;
    return workload_of(run, config::testing::shipped_facts())->software.attention;
  };
  CHECK(attention("somebody", "V100", "") == Attention::classic);
  CHECK(attention("somebody", "A100", "") == Attention::flash2);
  CHECK(attention("somebody", "A100", "no FlashAttention") == Attention::classic);
  CHECK(attention("DeepSpeed", "A100", "no FlashAttention") == Attention::unfused);
}

TEST_CASE("published: FlashAttention 3 and operations written out") {
  PublishedRun run = llama();
  const Facts& facts = config::testing::shipped_facts();
  const auto& calibration = facts.calibration;
  Workload work = *workload_of(run, facts);
  const Seconds second = step_time(work, calibration)->attention;
  work.software.attention = Attention::flash3;
  const Seconds third = step_time(work, calibration)->attention;
  CHECK(second / third == doctest::Approx(calibration.shared.flash3));
  Workload older = work;
  older.accelerator = most_like(facts.accelerators, "B200")->accelerator;
  const Seconds blackwell = step_time(older, calibration)->attention;
  older.software.attention = Attention::flash2;
  CHECK(step_time(older, calibration)->attention == blackwell);
  const Seconds fused = step_time(work, calibration)->pointwise;
  work.software.pointwise = Pointwise::written_out;
  CHECK(step_time(work, calibration)->pointwise > 3 * fused);
  work.shape.gated = false;  // Counted for gates and RMSNorm alone.
  const Seconds other = step_time(work, calibration)->pointwise;
  work.software.pointwise = Pointwise::eager;
  CHECK(step_time(work, calibration)->pointwise == other);
}

TEST_CASE("published: a shape without its parameters") {
  PublishedRun run = llama();
  run.parameters_billion.reset();
  const Workload work = *workload_of(run, config::testing::shipped_facts());
  CHECK(work.shape.gated);
  CHECK(work.shape.kv_heads == work.shape.heads);
}

TEST_CASE("published: who only trains the model of another publication has other software") {
  const auto& facts = config::testing::shipped_facts();
  CHECK(software_of("Llama 3 (arXiv 2407.21783)", facts).name == "Llama 3");
  CHECK(software_of("somebody's training/llama3_8B", facts).match.empty());
  CHECK(software_of("Megatron-DeepSpeed", facts).name == "Megatron-DeepSpeed");
  CHECK(software_of("torchtitan docs/performance.md", facts).name == "torchtitan 2024");
}

TEST_CASE("published: accelerators as tables spell them") {
  PublishedRun run = llama();
  const auto name = [&](const char* told) {
    run.accelerator = told;
    return workload_of(run, config::testing::shipped_facts())->accelerator.name;
  };
  for (const auto& [told, want] : {std::pair{"H100 SXM5 80GB", "H100"},
                                   std::pair{"NVIDIA A100-SXM4-40GB", "A100-40"},
                                   std::pair{"A800", "A800"},
                                   std::pair{"H800", "H800"},
                                   std::pair{"V100-32GB", "V100"},
                                   std::pair{"Tesla V100-SXM2-16GB", "V100"},
                                   std::pair{"MI250", "MI250"},
                                   std::pair{"AMD MI250X", "MI250X"},
                                   std::pair{"AMD Instinct MI355X", "MI355X"},
                                   std::pair{"Intel Gaudi 2", "Gaudi2"},
                                   std::pair{"Gaudi 3", "Gaudi3"},
                                   std::pair{"910B", "Ascend-910B"},
                                   std::pair{"Ascend 910", "Ascend-910"},
                                   std::pair{"trn1.32xlarge", "Trainium1"},
                                   std::pair{"GB200 NVL72", "GB200"},
                                   std::pair{"DGX-B200", "B200"},
                                   std::pair{"4090", "RTX-4090"},
                                   std::pair{"L40", "L40"},
                                   std::pair{"v5litepod-256", "TPU v5e"},
                                   std::pair{"v4-128", "TPU v4"},
                                   std::pair{"v5p-512", "TPU v5p"},
                                   std::pair{"p4de.24xlarge", "A100-80"},
                                   std::pair{"p5.48xlarge", "H100"},
                                   std::pair{"a3-megagpu-8g", "H100"},
                                   std::pair{"Ascend 910C", "Ascend-910C"},
                                   std::pair{"RTX A6000", "A6000"}}) {
    CAPTURE(told);
    CHECK(name(told) == want);
  }
}

TEST_CASE("published: hybrid sharding cuts within a node and exchanges between nodes") {
  PublishedRun run = hybrid_llama();
  const auto& facts = config::testing::shipped_facts();
  const Workload hybrid = *workload_of(run, facts);
  CHECK(hybrid.software.shards_within_node);
  Workload whole = hybrid;
  whole.software.shards_within_node = false;
  const StepTime of_hybrid = *step_time(hybrid, facts.calibration);
  const StepTime of_whole = *step_time(whole, facts.calibration);
  CHECK(of_hybrid.sharding_exchange < of_whole.sharding_exchange);
  CHECK(of_hybrid.data_exchange > of_whole.data_exchange);
  CHECK(of_hybrid.optimizer > of_whole.optimizer);
  Workload waits = hybrid;
  waits.software.overlaps_data = false;
  CHECK(step_time(waits, facts.calibration)->data_exchange > of_hybrid.data_exchange);
  run.notes = "";
  CHECK_FALSE(workload_of(run, facts)->software.shards_within_node);
  run.hybrid_sharding = true;  // As a column tells.
  CHECK(workload_of(run, facts)->software.shards_within_node);
}

TEST_CASE("published: hybrid sharding cuts experts within a node as all else") {
  const auto& facts = config::testing::shipped_facts();
  Workload hybrid = *workload_of(hybrid_llama(), facts);
  hybrid.shape.experts = {.count = 8, .chosen = 2, .feed_forward = 4096};
  for (const std::uint32_t expert : {1u, 4u}) {
    hybrid.plan.expert = expert;
    Workload node = hybrid;
    node.plan.data = hybrid.accelerator.per_node;
    REQUIRE(hybrid.plan.data > node.plan.data);
    CHECK(memory_use(hybrid, {})->state == memory_use(node, {})->state);
    const StepTime of_hybrid = *step_time(hybrid, facts.calibration);
    CHECK(of_hybrid.optimizer == step_time(node, facts.calibration)->optimizer);
    Workload more = hybrid;
    more.shape.experts.count = 16;
    CHECK(step_time(more, facts.calibration)->data_exchange > of_hybrid.data_exchange);
  }
}
