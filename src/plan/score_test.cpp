#include "axs/plan/score.h"

#include <doctest/doctest.h>

#include <cmath>

#include "axs/config/facts_testing.h"
#include "axs/plan/published_runs_testing.h"
#include "axs/plan/published_software.h"

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
  good.step = step_time(*workload_of(good, config::testing::shipped_facts()),
                        config::testing::shipped_facts().calibration)
                  ->total;
  PublishedRun suspect = good;
  suspect.line = 3;
  suspect.notes = "SUSPECT: it says so itself";
  PublishedRun empty = llama();
  empty.line = 4;
  PublishedRun held = llama();
  held.line = 5;
  held.memory = Bytes{1e12};
  const ScoreTable table = score({good, suspect, empty, held}, config::testing::shipped_facts());
  REQUIRE(table.runs.size() == 2);
  REQUIRE(table.left_out.size() == 2);
  CHECK(table.left_out[0].reason == "SUSPECT in the notes");
  CHECK(table.left_out[1].reason == "neither time nor memory");
  REQUIRE(table.sources.size() == 2);
  CHECK(table.sources[0].source == "somebody's blog");
  const SourceScore& all = table.sources[1];
  CHECK(all.step.count == 1);
  // Of software that nobody has looked at, a step takes longer than its parts.
  const double unexplained = software_of(good.source, config::testing::shipped_facts()).unexplained;
  CHECK(unexplained > 0.1);
  CHECK(all.step.mean_size == doctest::Approx(unexplained));
  CHECK(table.runs[0].step.unexplained / table.runs[0].step.total ==
        doctest::Approx(unexplained / (1 + unexplained)));
  CHECK(all.within == 1);
  CHECK(all.false_fits == 1);
}

TEST_CASE("score: what mixtures take longer than their parts") {
  PublishedRun run = llama();
  run.step = Seconds{1};
  run.model = "Mixtral 8x7B";
  run.parameters_billion.reset();
  run.source = "Megatron-LM README.md";  // Of known software, which explains all of dense models.
  const auto& facts = config::testing::shipped_facts();
  const auto unexplained = [&] {
    const StepTime step = score({run}, facts).runs.at(0).step;
    return step.unexplained / (step.total - step.unexplained);
  };
  CHECK(unexplained() == doctest::Approx(facts.software.back().unexplained_of_mixtures));
  run.source = "somebody's blog";
  CHECK(unexplained() == doctest::Approx(facts.software.back().unexplained +
                                         facts.software.back().unexplained_of_mixtures));
  CHECK(unexplained() > 0.3);
}

TEST_CASE("score: software without a run in the fit has a wider interval") {
  PublishedRun run = llama();
  run.step = Seconds{1};
  const auto spread = [&](const char* source) {
    run.source = source;
    return score({run}, config::testing::shipped_facts()).runs.at(0).step.spread;
  };
  CHECK(spread("NVIDIA/NeMo docs") == doctest::Approx(std::exp(0.2)));
  for (const char* source : {"somebody's blog", "Megatron-LM README.md"})
    CHECK(spread(source) == doctest::Approx(std::exp(0.45)).epsilon(1e-3));
  run.tensor.reset();  // A guessed cut.
  CHECK(spread("NVIDIA/NeMo docs") == doctest::Approx(std::exp(0.45)).epsilon(1e-3));
}
