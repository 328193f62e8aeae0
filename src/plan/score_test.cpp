#include "axs/plan/score.h"

#include <doctest/doctest.h>

#include "axs/config/facts_testing.h"
#include "axs/plan/published_runs_testing.h"

using namespace axs;
using namespace axs::plan;
using axs::plan::testing::llama;

namespace {

/// Why a run that tells its time is left out; empty if it is not.
std::string why_left_out(PublishedRun run) {
  run.step = Seconds{7};
  const ScoreTable table = score({run}, config::testing::shipped_facts());
  return table.left_out.empty() ? "" : table.left_out.front().reason;
}

}  // namespace

TEST_CASE("score: a batch that told micro-batches do not divide") {
  PublishedRun run = llama();
  CHECK(why_left_out(run).empty());
  run.global_batch = 63;
  CHECK(why_left_out(run) == "global batch 63, want a multiple of data × micro-batch, 8");
  run.global_batch = 500;
  run.micro_batch = 3;
  CHECK(why_left_out(run) == "global batch 500, want a multiple of data × micro-batch, 24");
  // A batch that was rounded, and nobody tells how it is cut.
  run.global_batch = 63;
  run.micro_batch.reset();
  CHECK(why_left_out(run).empty());
}

TEST_CASE("score: a number of parameters that the shape contradicts by far") {
  PublishedRun run = llama();
  for (const double near : {4.5, 8.0, 15.0}) {
    run.parameters_billion = near;
    CAPTURE(near);
    CHECK(why_left_out(run).empty());
  }
  for (const auto& [far, text] : {std::pair{0.8, "0.8"}, std::pair{80.0, "80"}}) {
    run.parameters_billion = far;
    CAPTURE(far);
    CHECK(
        why_left_out(run).starts_with(std::string{"model_params_B "} + text + ", want about the "));
  }
}

TEST_CASE("score: of a mixture all parameters may be told, or those that a token meets") {
  PublishedRun run = llama();
  run.model = "Mixtral 8x7B";
  run.tensor = 8;
  run.global_batch = 64;
  for (const double told : {46.7, 12.9}) {
    run.parameters_billion = told;
    CAPTURE(told);
    CHECK(why_left_out(run).empty());
  }
  run.parameters_billion = 4;
  CHECK(why_left_out(run).starts_with("model_params_B 4, want about the 46.7"));
}
