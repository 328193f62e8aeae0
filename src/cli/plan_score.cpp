#include "axs/cli/plan_score.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "axs/cli/rows.h"
#include "axs/config/plan_facts.h"
#include "axs/config/training_runs.h"
#include "axs/plan/score.h"

namespace axs::cli {
namespace {

using nlohmann::ordered_json;

constexpr double gibibyte = 1073741824.0;

Cell percent(double share, bool known) {
  if (!known) return std::monostate{};
  return Decimal{100 * share, 1};
}

std::vector<Cell> cells_of(const plan::SourceScore& s) {
  const bool timed = s.step.count > 0;
  const bool held = s.memory.count > 0;
  return {s.zero_shot ? s.source + " (zero-shot)" : s.source,
          static_cast<std::int64_t>(s.step.count),
          static_cast<std::int64_t>(s.left_out),
          percent(s.step.mean_size, timed),
          percent(s.step.median_size, timed),
          percent(s.step.p90_size, timed),
          percent(s.step.mean, timed),
          percent(s.within, timed),
          static_cast<std::int64_t>(s.memory.count),
          percent(s.memory.mean_size, held),
          percent(s.memory.mean, held),
          percent(s.memory.lowest, held),
          static_cast<std::int64_t>(s.false_fits)};
}

Rows rows_of(const plan::ScoreTable& table) {
  Rows rows{{{"source", "SOURCE"},
             {"runs", "RUNS"},
             {"left_out", "LEFT OUT"},
             {"mape_pct", "MAPE %"},
             {"median_pct", "MEDIAN %"},
             {"p90_pct", "P90 %"},
             {"signed_pct", "SIGNED %"},
             {"within_pct", "WITHIN %"},
             {"memory_runs", "MEMORY"},
             {"memory_mape_pct", "MAPE %"},
             {"memory_signed_pct", "SIGNED %"},
             {"memory_lowest_pct", "LOWEST %"},
             {"false_fits", "FALSE FITS"}},
            {}};
  for (const plan::SourceScore& source : table.sources) rows.rows.push_back(cells_of(source));
  return rows;
}

void print(const plan::ScoreTable& table) {
  std::fputs(RowsFormat{}.text(rows_of(table), "sources").c_str(), stdout);
  if (!table.left_out.empty()) std::fputs("\nLeft out:\n", stdout);
  for (const plan::LeftOut& run : table.left_out)
    fmt::print("  line {}, {}: {}\n", run.line, run.source, run.reason);
}

/// Where the time goes, in seconds.
ordered_json json_of(const plan::StepTime& step) {
  return {{"products", step.products.value()},
          {"attention", step.attention.value()},
          {"pointwise", step.pointwise.value()},
          {"recompute", step.recompute.value()},
          {"tensor_exchange", step.tensor_exchange.value()},
          {"expert_exchange", step.expert_exchange.value()},
          {"host", step.host.value()},
          {"embedding_and_head", step.embedding_and_head.value()},
          {"sharding_exchange", step.sharding_exchange.value()},
          {"stage_transfers", step.stage_transfers.value()},
          {"bubble", step.bubble.value()},
          {"data_exchange", step.data_exchange.value()},
          {"optimizer", step.optimizer.value()},
          {"stragglers", step.stragglers.value()},
          {"fixed", step.fixed.value()},
          {"unexplained", step.unexplained.value()}};
}

/// What the fullest stage holds, in GiB.
ordered_json json_of(const plan::MemoryUse& use) {
  return {{"state", use.state.value() / gibibyte},
          {"gathered", use.gathered.value() / gibibyte},
          {"activations", use.activations.value() / gibibyte},
          {"logits", use.logits.value() / gibibyte},
          {"workspace", use.workspace.value() / gibibyte},
          {"overhead", use.overhead.value() / gibibyte}};
}

ordered_json json_of(const plan::RunScore& run) {
  ordered_json object{{"line", run.line},
                      {"source", run.source},
                      {"model", run.model},
                      {"zero_shot", run.step.zero_shot},
                      {"step_s", run.step.total.value()},
                      {"low_s", run.step.low().value()},
                      {"high_s", run.step.high().value()},
                      {"step_parts_s", json_of(run.step)},
                      {"memory_gib", run.memory.total.value() / gibibyte},
                      {"memory_stage", run.memory.stage},
                      {"memory_parts_gib", json_of(run.memory)}};
  if (const auto& measured = run.measured_step) {
    object["measured_step_s"] = measured->step.value();
    if (measured->is_derived()) object["derived_from"] = measured->column;
  }
  if (run.measured_memory) object["measured_memory_gib"] = run.measured_memory->value() / gibibyte;
  return object;
}

std::string json_of(const plan::ScoreTable& table) {
  RowsFormat format;
  format.json = true;
  auto document = ordered_json::parse(format.text(rows_of(table), "sources"));
  document["left_out"] = ordered_json::array();
  for (const plan::LeftOut& run : table.left_out)
    document["left_out"].push_back(
        {{"line", run.line}, {"source", run.source}, {"reason", run.reason}});
  document["runs"] = ordered_json::array();
  for (const plan::RunScore& run : table.runs) document["runs"].push_back(json_of(run));
  return document.dump(2) + "\n";
}

}  // namespace

void PlanScoreCommand::declare(CLI::App& app) {
  app.add_option("file", file_, "Comma-separated values with the columns of training-runs.csv")
      ->required();
  app.add_flag("--json", json_, "Print one JSON object, with every prediction");
  app.footer(
      "Errors are predicted over measured. WITHIN: runs whose time lies in the predicted "
      "interval.\n"
      "FALSE FITS: runs that held over 3 % more memory than predicted.\n"
      "A time that is not printed follows from tokens_per_s, achieved_tflops_per_gpu (by its\n"
      "flops_convention), mfu_pct or hfu_pct; --json says from which. Runs whose columns "
      "contradict\n"
      "each other are left out; if all are, the exit code is 1.\n"
      "Zero-shot: accelerators, mixtures of experts and 4-bit products, of which no run was "
      "fitted;\n"
      "their interval is what counts.\n"
      "\n"
      "Example:\n"
      "  axs plan score training-runs.csv");
}

Result<ExitCode> PlanScoreCommand::run() {
  const plan::Facts facts = AXS_TRY(config::shipped_plan_facts());
  const auto runs = AXS_TRY(config::read_training_runs(file_));
  const plan::ScoreTable table = plan::score(runs, facts);
  if (json_)
    std::fputs(json_of(table).c_str(), stdout);
  else
    print(table);
  if (table.runs.empty())
    return Error{Errc::unavailable, file_ + ": no run that can be compared, want at least one"};
  return ExitCode::done;
}

}  // namespace axs::cli
