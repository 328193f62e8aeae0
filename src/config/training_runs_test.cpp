#include "axs/config/training_runs.h"

#include <doctest/doctest.h>

#include "axs/config/plan_facts.h"

using namespace axs;
using namespace axs::config;

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
  CHECK(first.notes == "two\nlines");
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

TEST_CASE("training runs: files that are no table of runs") {
  CHECK(why_not("") == "r.csv: empty, want a header and a run per line");
  CHECK(why_not("a,b\n") == "r.csv:1: no column cp");
  CHECK(why_not(header + "1,2\n") == "r.csv:2: 2 cells, want 27 as in the header");
}

TEST_CASE("plan facts: what is wrong in a file is named") {
  CHECK(why_no_facts(&PlanFiles::accelerators, "per-node = 8", "per-node = 0")
            .starts_with("accelerators.toml:"));
  CHECK(why_no_facts(&PlanFiles::software, "match = \"\"", "match = \"x\"")
            .find("no entry for unknown software") != std::string::npos);
  CHECK(why_no_facts(&PlanFiles::fit, "[shared]", "[shard]").starts_with("xray-fit.toml"));
}
