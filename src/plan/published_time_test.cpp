#include "axs/plan/published_time.h"

#include <doctest/doctest.h>

#include "axs/config/facts_testing.h"
#include "axs/plan/score.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// Korthikanti et al. 2022, table 5: GPT-3 175B on 64 A100.
PublishedRun gpt3() {
  PublishedRun run;
  run.line = 2;
  run.source = "somebody's blog";
  run.model = "GPT-3 175B";
  run.accelerator = "A100-80";
  run.precision = "fp16";
  run.recompute = "selective";
  run.parameters_billion = 174.6;
  run.layers = 96;
  run.hidden = 12288;
  run.heads = 96;
  run.feed_forward = 4 * 12288;
  run.vocabulary = 51200;
  run.sequence = 2048;
  run.global_batch = 64;
  run.micro_batch = 1;
  run.devices = 64;
  run.tensor = 8;
  run.pipeline = 8;
  return run;
}

Result<PublishedTime> time_of(const PublishedRun& run) {
  const Facts& facts = config::testing::shipped_facts();
  return published_time(run, *workload_of(run, facts), facts);
}
std::string why_not(const PublishedRun& run) {
  const auto time = time_of(run);
  return time ? "" : time.error().what;
}
double seconds(const PublishedRun& run) {
  return time_of(run)->step.value();
}

}  // namespace

TEST_CASE("time: a printed one holds, whatever else agrees with it") {
  PublishedRun run = gpt3();
  run.step = Seconds{13.75};
  run.throughput.tokens_per_second = 64 * 2048 / 13.7;
  run.throughput.model_share = 0.514;
  run.throughput.hardware_share = 0.528;
  run.throughput.unreadable = "achieved_tflops_per_gpu \"many\", want a number";
  const PublishedTime time = *time_of(run);
  CHECK(time.step == Seconds{13.75});
  CHECK_FALSE(time.is_derived());
}

TEST_CASE("time: tokens of all devices in a second") {
  PublishedRun run = gpt3();
  run.throughput.tokens_per_second = 4096;
  CHECK(time_of(run)->step == Seconds{32});
  CHECK(time_of(run)->column == "tokens_per_s");
  CHECK(time_of(run)->is_derived());
}

TEST_CASE("time: Korthikanti's shares of the peak are those of its printed 13.75 s") {
  PublishedRun run = gpt3();
  run.throughput.model_share = 0.514;
  CHECK(seconds(run) == doctest::Approx(13.75).epsilon(0.005));
  run.throughput = {.hardware_share = 0.528};
  CHECK(time_of(run)->column == "hfu_pct");
  CHECK(seconds(run) == doctest::Approx(13.75).epsilon(0.02));
}

TEST_CASE("time: SC21 counts what is computed again") {
  PublishedRun run = gpt3();  // Its table 1: GPT 175B, 140 teraFLOP/s on 1,024 devices.
  run.recompute = "full";
  run.global_batch = 1536;
  run.devices = 1024;
  run.throughput.flops = FlopsPerSecond{140e12};
  run.throughput.convention = "hardware (eq.3, incl. recompute)";
  // 96 B s l h² (1 + s / 6 h + V / 16 l h), its equation 3.
  const double h = 12288;
  const double step = 96.0 * 1536 * 2048 * 96 * h * h *
                      (1 + 2048 / (6 * h) + 51200 / (16 * 96 * h)) / (140e12 * 1024);
  CHECK(seconds(run) == doctest::Approx(step).epsilon(1e-9));
  run.throughput.convention = "model";
  CHECK(seconds(run) == doctest::Approx(0.75 * step).epsilon(0.01));
}

TEST_CASE("time: conventions count all of the attention, half of it, or none") {
  PublishedRun run = gpt3();
  run.throughput.flops = FlopsPerSecond{150e12};
  const auto counted = [&](const char* convention) {
    run.throughput.convention = convention;
    return seconds(run);
  };
  const double all = counted("model");
  const double none = counted("6ND");
  CHECK(none == doctest::Approx(6 * 174.6e9 * 64 * 2048 / (150e12 * 64)).epsilon(0.002));
  CHECK(counted("6 N") == none);
  CHECK(counted("model, causal") == doctest::Approx((all + none) / 2));
  CHECK(counted("model, non-causal") == all);
  run.source = "NVIDIA-NeMo/Megatron-Bridge performance";
  CHECK(counted("model") == doctest::Approx((all + none) / 2));
}

TEST_CASE("time: shares of fp8 runs are of the peak of fp8") {
  PublishedRun run = gpt3();
  run.accelerator = "H100";
  run.throughput.model_share = 0.4;
  const double wide = seconds(run);
  run.precision = "fp8";
  CHECK(seconds(run) == doctest::Approx(wide / 2));
  run.step = Seconds{wide};  // Of bf16's peak: that is no contradiction.
  CHECK(seconds(run) == wide);
}

TEST_CASE("time: columns that contradict each other, whatever they count") {
  PublishedRun run = gpt3();
  run.step = Seconds{13.75};
  run.throughput.tokens_per_second = 4096;
  CHECK(why_not(run) ==
        "columns contradict each other: a step takes by step_time_s 13.75 s, by tokens_per_s 32 s");
  run.throughput = {.model_share = 0.8};
  CHECK(why_not(run).starts_with(
      "columns contradict each other: a step takes by step_time_s 13.75 s, "
      "by mfu_pct 8."));
  run.throughput = {.hardware_share = 0.68};  // With full recomputation, which no column denies.
  CHECK(why_not(run).empty());
}

TEST_CASE("time: more than the peak is nobody's time, not even beside a printed one") {
  PublishedRun run = gpt3();
  run.throughput.model_share = 1;
  CHECK(why_not(run).empty());
  run.throughput.model_share = 1.2;
  CHECK(why_not(run) == "mfu_pct 120, want at most 100");
  run.throughput = {.hardware_share = 1.01};
  run.step = Seconds{7.5};  // Which no convention contradicts.
  CHECK(why_not(run) == "hfu_pct 101, want at most 100");
  run.throughput = {.flops = FlopsPerSecond{320e12}, .convention = "model"};
  CHECK(why_not(run) == "achieved_tflops_per_gpu 320, want at most 312, the peak of A100-80");
  run.accelerator = "H100";
  run.precision = "fp8";
  run.step.reset();
  run.throughput.flops = FlopsPerSecond{1500e12};
  CHECK(why_not(run).empty());
}

TEST_CASE("time: operations of a mixture are known roughly") {
  PublishedRun run = gpt3();
  run.throughput.model_share = 0.6;
  run.step = Seconds{14};  // The share tells 11.8 s.
  CHECK_FALSE(why_not(run).empty());
  run.model = "Mixtral 8x7B";
  run.tensor = run.pipeline = 1;
  run.step.reset();
  run.step = Seconds{1.2 * seconds(run)};
  CHECK(why_not(run).empty());
  run.step = Seconds{2 * run.step->value()};
  CHECK_FALSE(why_not(run).empty());
}

TEST_CASE("time: why there is none") {
  PublishedRun run = gpt3();
  run.throughput = {.flops = FlopsPerSecond{150e12}, .convention = "unclear"};
  CHECK(why_not(run) == "flops_convention \"unclear\", want model or hardware");
  run.throughput.convention = "";  // Little is computed again: both are nearly the same.
  CHECK(why_not(run).empty());
  run.recompute = "full";
  CHECK(why_not(run) == "flops_convention \"\", want model or hardware");
  run = gpt3();
  run.throughput.unreadable = "mfu_pct \"half\", want a number";
  CHECK(why_not(run) == "mfu_pct \"half\", want a number");
  run.throughput = {.model_share = 0.5};
  run.pipeline.reset();
  CHECK(why_not(run) == "mfu_pct tells a time, but tp or pp is not told");
  run.throughput = {.tokens_per_second = 4096};
  CHECK(why_not(run).empty());
}

TEST_CASE("time: a rate without a batch is that of a step of as many as one likes") {
  PublishedRun run = gpt3();
  run.throughput = {.tokens_per_second = 4096};
  run.global_batch.reset();
  const Facts& facts = config::testing::shipped_facts();
  const Workload work = *workload_of(run, facts);
  const double tokens = static_cast<double>(work.plan.global_batch) * work.plan.sequence;
  CHECK(published_time(run, work, facts)->step.value() == doctest::Approx(tokens / 4096));
}

TEST_CASE("score: a time that follows is compared, what is wrong is told first") {
  PublishedRun derived = gpt3();
  derived.throughput.tokens_per_second = 7232;
  PublishedRun wrong = gpt3();
  wrong.line = 3;
  wrong.unreadable = "step_time_s \"four\", want a number";
  PublishedRun nameless = derived;
  nameless.source = " ";
  const ScoreTable table = score({derived, wrong, nameless}, config::testing::shipped_facts());
  REQUIRE(table.runs.size() == 2);
  CHECK(table.runs[0].measured_step->column == "tokens_per_s");
  REQUIRE(table.left_out.size() == 1);
  CHECK(table.left_out[0].reason == "step_time_s \"four\", want a number");
  REQUIRE(table.sources.size() == 3);
  CHECK(table.sources[1].source == "no source");
  CHECK(table.sources[1].step.count == 1);
}

TEST_CASE("score: a contradicted time is no reason to pass over memory") {
  PublishedRun run = gpt3();
  run.step = Seconds{1};
  run.throughput.tokens_per_second = 5;
  run.memory = Bytes{7e10};
  const ScoreTable table = score({run}, config::testing::shipped_facts());
  REQUIRE(table.runs.size() == 1);
  CHECK_FALSE(table.runs[0].measured_step);
  CHECK(table.runs[0].measured_memory);
}

TEST_CASE("score: the beginning of a long source ends with a whole character") {
  PublishedRun run = gpt3();
  run.source = "xx";
  for (int i = 0; i < 20; ++i) run.source += "\xE2\x88\x9E";
  const ScoreTable table = score({run}, config::testing::shipped_facts());
  CHECK(table.left_out.front().source == run.source.substr(0, 38));
}
