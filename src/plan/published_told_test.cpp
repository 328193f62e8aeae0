#include <doctest/doctest.h>

#include "axs/config/facts_testing.h"
#include "axs/plan/published_runs_testing.h"

using namespace axs;
using namespace axs::plan;
using axs::plan::testing::llama;

/// What sources, notes and scripts tell of software and network.

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
  for (const char* unclear :
       {"3,200 Gb/s per node", "12.5 Gb/s per node", "4x200 Gb/s per node", "4 x 200 Gb/s per node",
        "4 × 200 Gb/s inter-node", "200 Gb/s inter-node per GPU", "Gb/s per node"})
    CHECK(rate(unclear) == BytesPerSecond{400e9});
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
