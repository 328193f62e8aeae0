#include "axs/config/training_runs.h"

#include <doctest/doctest.h>

#include "axs/config/plan_facts.h"

using namespace axs;
using namespace axs::config;
using plan::PublishedRun;

namespace {

const std::string header =
    "source,model,model_params_B,layers,hidden,heads,ffn_hidden,vocab,seq_len,global_batch,"
    "micro_batch,gpu_type,n_gpus,tp,pp,dp,vpp,ep,cp,seq_parallel,zero_stage,recompute,precision,"
    "step_time_s,peak_mem_gib,colour,notes\n";
const std::string run =
    "\"a, \"\"b\"\"\",m,1.5,24,2048,16,8192,51200,2048,512,4,A100-80,32,1,2,16,,,1,y,3,full,bf16,"
    "3.25,,blue,\"two\nlines\"\r\n";

std::string why_not(const std::string& text) {
  const auto runs = parse_training_runs(text, "r.csv");
  return runs ? "" : runs.error().what;
}

/// The shipped files with one place of one of them changed.
std::string why_no_facts(std::string_view PlanFiles::* file, const std::string& from,
                         const std::string& to) {
  PlanFiles files = shipped_plan_files();
  std::string text{files.*file};
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  files.*file = text;
  const auto facts = parse_plan_facts(files);
  return facts ? "" : facts.error().what;
}

}  // namespace

TEST_CASE("training runs: cells by the names of their columns") {
  const auto runs = parse_training_runs(header + run + "\n" + run, "r.csv");
  REQUIRE(runs);
  REQUIRE(runs->size() == 2);
  const plan::PublishedRun& first = runs->front();
  CHECK(first.line == 2);
  CHECK(runs->back().line == 5);
  CHECK(first.source == "a, \"b\"");
  CHECK(first.notes == "two lines");
  CHECK(first.parameters_billion == 1.5);
  CHECK(first.layers == 24);
  CHECK(first.micro_batch == 4);
  CHECK_FALSE(first.virtual_stages);
  CHECK(first.sequence_parallel);
  CHECK(first.step == Seconds{3.25});
  CHECK_FALSE(first.memory);
  CHECK(first.unreadable.empty());
}

TEST_CASE("training runs: a cell that is no number leaves its run out, no other") {
  std::string wrong = run;
  wrong.replace(wrong.find("24"), 2, "-3");
  const auto runs = parse_training_runs(header + wrong + run, "r.csv");
  REQUIRE(runs);
  CHECK(runs->front().unreadable == "layers \"-3\", want a number from 0 to 16777216");
  CHECK(runs->back().unreadable.empty());
}

namespace {

/// The run with another cell in place of its first `from`.
PublishedRun read_with(const std::string& from, const std::string& to) {
  std::string changed = run;
  changed.replace(changed.find(from), from.size(), to);
  const auto runs = parse_training_runs(header + changed, "r.csv");
  REQUIRE(runs);
  return runs->front();
}

}  // namespace

TEST_CASE("training runs: a time that is none is named as it was seen") {
  for (const char* const cell : {"-4", "0", "nan", "inf", "four", "4 h", "1e-300", "1e308"}) {
    CAPTURE(cell);
    const PublishedRun changed = read_with("3.25", cell);
    CHECK_FALSE(changed.step);
    CHECK(changed.unreadable ==
          "step_time_s \"" + std::string{cell} + "\", want a number from 1e-9 to 1e9");
  }
  CHECK(read_with("3.25", "\"4,0\"").unreadable.starts_with("step_time_s \"4,0\", want"));
  CHECK(read_with("3.25", "").unreadable.empty());
}

TEST_CASE("training runs: the mark that spreadsheets begin a file with") {
  const auto runs = parse_training_runs("\xEF\xBB\xBF" + header + run, "r.csv");
  REQUIRE(runs);
  CHECK(runs->front().source == "a, \"b\"");
}

TEST_CASE("training runs: a run with too few or too many cells is left out, no other") {
  const auto runs = parse_training_runs(header + "a blog,2\n" + run + "x," + run, "r.csv");
  REQUIRE(runs);
  REQUIRE(runs->size() == 3);
  CHECK(runs->front().source == "a blog");
  CHECK(runs->front().unreadable == "2 cells, want 27 as in the header");
  CHECK((*runs)[1].unreadable.empty());
  CHECK((*runs)[2].unreadable == "28 cells, want 27 as in the header");
  CHECK((*runs)[2].line == 5);
}

TEST_CASE("training runs: throughput, where a table has it") {
  const std::string more =
      "tokens_per_s,achieved_tflops_per_gpu,flops_convention,mfu_pct,hfu_pct," + header;
  const auto runs = parse_training_runs(
      more + "5000,140,model,45,60," + run + ",,,half,," + run + ",,,,," + run, "r.csv");
  REQUIRE(runs);
  const plan::Throughput& told = runs->front().throughput;
  CHECK(told.tokens_per_second == 5000);
  CHECK(told.flops == FlopsPerSecond{140e12});
  CHECK(told.convention == "model");
  CHECK(told.model_share == doctest::Approx(0.45));
  CHECK(told.hardware_share == doctest::Approx(0.6));
  const plan::PublishedRun& wrong = (*runs)[1];
  CHECK(wrong.unreadable.empty());
  CHECK(wrong.throughput.unreadable == "mfu_pct \"half\", want a number from 1e-9 to 1e9");
  CHECK_FALSE(runs->back().throughput.is_told());
}

TEST_CASE("training runs: numbers as people write them") {
  const auto share = [](const std::string& cell) {
    const auto runs = parse_training_runs("mfu_pct," + header + cell + "," + run, "r.csv");
    return runs->front().throughput.model_share;
  };
  CHECK(share("45 %") == doctest::Approx(0.45));
  CHECK(share("0.9 %") == doctest::Approx(0.009));
  CHECK(share("45%") == doctest::Approx(0.45));
  CHECK(share("0.45") == doctest::Approx(0.45));
  CHECK(share("1.5") == doctest::Approx(0.015));
  CHECK_FALSE(share("n/a"));
  CHECK(read_with("24", "\"1,024\"").layers == 1024);
  for (const char* const fraction : {"\"0,456\"", "\"1234,567\"", "\"1,02\"", "\"1,0245\""})
    CHECK(!read_with("24", fraction).unreadable.empty());
  CHECK(read_with("24", "\"1,0\"").unreadable.starts_with("layers"));
  CHECK(read_with("24", " 24 ").layers == 24);
  for (const char* const about : {"~24", "\xE2\x89\x88 24", "24 (of 25)"})
    CHECK(read_with("24", about).layers == 24);
  for (const char* const wrong : {"~", "(24)", " (24)", "24 of 25"})
    CHECK(read_with("24", wrong).unreadable.starts_with("layers"));
  for (const char* const apart : {"1 024", "1'024",
                                  "1\xC2\xA0"
                                  "024",
                                  "1024 layers", "1_024"})
    CHECK(read_with("24", apart).layers == 1024);
  for (const char* const wrong : {"1 02", "1  024", "24 things", "24k", "layers"})
    CHECK(read_with("24", wrong).unreadable.starts_with("layers"));
  CHECK(read_with("3.25", "\"1,024.5\"").step == Seconds{1024.5});
  CHECK(read_with("3.25", "250 ms").step == Seconds{0.25});
  CHECK(read_with("3.25", "2.5s").step == Seconds{2.5});
  for (const char* blank : {"-", "N/A", "unknown", "None", "?"}) {
    CHECK(read_with("24", blank).unreadable.empty());
    CHECK_FALSE(read_with("24", blank).layers);
  }
}

namespace {

/// The run with a cell of one more column or of another one in its place.
PublishedRun told(const std::string& cell, const std::string& column) {
  std::string names = header;
  if (const auto at = names.find(column); at != std::string::npos)
    names.replace(at, column.size(), "other");
  const auto runs = parse_training_runs(column + "," + names + cell + "," + run, "r.csv");
  REQUIRE(runs);
  return runs->front();
}

}  // namespace

TEST_CASE("training runs: batches in tokens") {
  CHECK(told("4M tokens", "global_batch").global_batch == 2048);  // Of 2,048 each.
  CHECK(told("16M", "global_batch").global_batch == 8192);
  CHECK(told("2048000 tokens", "global_batch").global_batch == 1000);
  CHECK(told("512 sequences", "global_batch").global_batch == 512);
  CHECK(told("512 (1M tokens)", "global_batch").global_batch == 512);
  CHECK(told("4M bytes", "global_batch").unreadable.starts_with("global_batch"));
}

TEST_CASE("training runs: a batch follows from the rate of tokens and the time") {
  std::string rate = run;
  rate.replace(rate.find(",512,"), 5, ",,");
  const auto runs = parse_training_runs("tokens_per_s," + header + "322.6k," + rate, "r.csv");
  REQUIRE(runs);
  CHECK(runs->front().throughput.tokens_per_second == 322600);
  CHECK(runs->front().global_batch == 512);  // 3.25 s of 322,600 tokens, each of 2,048.
}

TEST_CASE("training runs: units of throughput and size") {
  CHECK(told("0.4 PFLOP/s", "achieved_tflops_per_gpu").throughput.flops == FlopsPerSecond{400e12});
  CHECK(told("400 TFLOP/s", "achieved_tflops_per_gpu").throughput.flops == FlopsPerSecond{400e12});
  CHECK(told("125M", "model_params_B").parameters_billion == doctest::Approx(0.125));
  CHECK(told("8.03 B", "model_params_B").parameters_billion == 8.03);
}

TEST_CASE("training runs: lengths in K and stages of ZeRO in words") {
  CHECK(told("8K", "seq_len").sequence == 8192);
  CHECK(told("8192", "seq_len").sequence == 8192);
  CHECK(told("1M", "seq_len").sequence == 1048576);
  CHECK(told("4096 tokens", "seq_len").sequence == 4096);
  CHECK(told("K", "seq_len").unreadable.starts_with("seq_len"));
  for (const char* const three :
       {"3", "FSDP", "ZeRO-3", "3 (FSDP)", "Stage 3", "HSDP", "FULL_SHARD", "fully sharded"})
    CHECK(told(three, "zero_stage").zero_stage == 3);
  for (const char* const one : {"ZeRO-1", "dist-opt", "distributed optimizer", "y", "True"})
    CHECK(told(one, "zero_stage").zero_stage == 1);
  for (const char* const none : {"0", "DDP", "no", "False"})
    CHECK(told(none, "zero_stage").zero_stage == 0);
  CHECK(told("SHARD_GRAD_OP", "zero_stage").zero_stage == 2);
  CHECK(told("ZeRO-Offload", "zero_stage").unreadable.starts_with("zero_stage"));
  CHECK(told("HSDP", "zero_stage").hybrid_sharding);
  CHECK(told("HYBRID_SHARD", "zero_stage").hybrid_sharding);
  CHECK_FALSE(told("FSDP", "zero_stage").hybrid_sharding);
  CHECK(told("ZeRO", "zero_stage").unreadable.starts_with("zero_stage"));
}

TEST_CASE("training runs: bytes that are no UTF-8 become question marks") {
  CHECK(read_with("blue,\"two", "blue,\"\xC3\xA4 \xF6 \xE2\x88 two").notes ==
        "\xC3\xA4 ? ?? two lines");
  CHECK(read_with("24", "\xF6").unreadable.starts_with("layers \"?\", want"));
}

TEST_CASE("training runs: no text of a table is a command to a terminal") {
  CHECK(read_with("blue,\"two", "blue,\"\x1B[2J \x7F \xC2\x9B \xC2\xA0\ttwo\r").notes ==
        "?[2J ? ? \xC2\xA0 two  lines");
  CHECK(read_with("24", "\x1B]0;x\a").unreadable.starts_with("layers \"?]0;x?\", want"));
}

TEST_CASE("training runs: sequence parallelism is y or n, or nobody tells") {
  CHECK(read_with("1,y,3", "1,y,3").sequence_parallel);
  for (const char* const cell : {"1,n,3", "1,,3"}) {
    CHECK_FALSE(read_with("1,y,3", cell).sequence_parallel);
    CHECK(read_with("1,y,3", cell).unreadable.empty());
  }
  CHECK(read_with("1,y,3", "1,perhaps,3").unreadable == "seq_parallel \"perhaps\", want y or n");
}

TEST_CASE("training runs: files that are no table of runs") {
  CHECK(why_not("") == "r.csv: empty, want a header and a run per line");
  CHECK(why_not(header + "\r\n\n") == "r.csv: a header without runs, want one per line");
  CHECK(why_not("a,b\n") == "r.csv:1: no column cp");
  CHECK(why_not(header + run + "a,\"b\n") == "r.csv:4: a quote that nothing closes");
  const std::string row_too_long = ": a row of over 65536 bytes; is a quote left open?";
  CHECK(why_not(header + run + std::string(1u << 24, 'x')) == "r.csv:4" + row_too_long);
  CHECK(why_not(header + "\"" + std::string(1u << 17, '\n') + "\"") == "r.csv:2" + row_too_long);
  CHECK(why_not(std::string(1u << 24, ',')) == "r.csv:1" + row_too_long);
  CHECK(why_not("model," + header + run) == "r.csv:1: column model comes twice");
}

TEST_CASE("plan facts: what is wrong in a file is named") {
  CHECK(why_no_facts(&PlanFiles::accelerators, "per-node = 8", "per-node = 0")
            .starts_with("accelerators.toml:"));
  CHECK(why_no_facts(&PlanFiles::software, "match = \"\"", "match = \"x\"")
            .find("no entry for unknown software") != std::string::npos);
  CHECK(why_no_facts(&PlanFiles::fit, "[shared]", "[shard]").starts_with("xray-fit.toml"));
}
