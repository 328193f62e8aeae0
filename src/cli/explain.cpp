#include "axs/cli/explain.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "axs/cli/ledger.h"
#include "axs/report/fact_reader.h"
#include "axs/report/reroutes.h"

namespace axs::cli {
namespace {

using report::Handover;
using report::Reroute;

nlohmann::ordered_json seen(const catalog::PathSeen& path) {
  if (path.path.empty()) return nullptr;
  return {{"path", path.path},
          {"up", path.up},
          {"rtt_ns", path.rtt.ns},
          {"jitter_ns", path.jitter.ns},
          {"loss", path.loss},
          {"cost_ns", path.cost.ns},
          {"bits_per_second", path.rate.value() * 8}};
}

std::string as_json(const std::vector<Reroute>& moves, const std::vector<Handover>& handovers) {
  auto list = nlohmann::ordered_json::array();
  for (const Reroute& move : moves)
    list.push_back({{"at", move.at},
                    {"from", move.from},
                    {"to", move.to},
                    {"traffic", move.traffic},
                    {"reason", move.reason},
                    {"rule", move.grounds.rule},
                    {"measured_ns", move.grounds.measured.ns},
                    {"limit_ns", move.grounds.limit.ns},
                    {"left", seen(move.grounds.left)},
                    {"taken", seen(move.grounds.taken)},
                    {"sentence", report::sentence(move)}});
  auto kept = nlohmann::ordered_json::array();
  for (const Handover& handover : handovers)
    kept.push_back({{"at", handover.at},
                    {"from", handover.from},
                    {"to", handover.what.peer},
                    {"path", handover.what.path},
                    {"instead", handover.what.instead},
                    {"lasts_ns", handover.what.lasts.ns}});
  return nlohmann::ordered_json{{"version", 1}, {"reroutes", list}, {"handovers", kept}}.dump(2) +
         "\n";
}

std::string as_text(const std::vector<Reroute>& moves, const std::vector<Handover>& handovers) {
  std::string text;
  for (const Reroute& move : moves)
    text +=
        fmt::format("{:>9.3f} s  {} to {}: {} now over {} ({}): {}\n", move.at, move.from, move.to,
                    move.traffic, move.grounds.taken.path, move.reason, report::sentence(move));
  if (text.empty()) text = "no traffic was moved\n";
  const std::string kept = report::sentence(handovers);
  return kept.empty() ? text : text + kept + "\n";
}

}  // namespace

void ExplainCommand::declare(CLI::App& app) {
  app.add_option("run", run_name, "The run: its folder or its id")->required();
  app.add_option("--runs", runs, "Where runs are kept")->envname("AXS_RUNS")->capture_default_str();
  app.add_flag("--json", json, "Print one JSON object, with all that was seen of both paths");
  app.footer("Example:\n  axs explain runs/three-continents-20251008T120000Z");
}

Result<ExitCode> ExplainCommand::run() {
  const report::RunLogs logs = AXS_TRY(report::read_run(run_folder(run_name, runs)));
  const record::History history = record::merge(logs.logs);
  const auto moves = report::reroutes(history);
  const auto handovers = report::handovers(history);
  std::fputs((json ? as_json(moves, handovers) : as_text(moves, handovers)).c_str(), stdout);
  return ExitCode::done;
}

}  // namespace axs::cli
