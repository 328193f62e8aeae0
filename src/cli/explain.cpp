#include "axs/cli/explain.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "axs/cli/ledger.h"
#include "axs/report/fact_reader.h"
#include "axs/report/leases.h"
#include "axs/report/reroutes.h"

namespace axs::cli {
namespace {

/// What a record says of routes and of leases.
struct Explained {
  std::vector<report::Reroute> moves;
  std::vector<report::Handover> handovers;
  std::vector<report::Lease> leases;
};

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

nlohmann::ordered_json as_json(const report::Lease& lease) {
  auto paths = nlohmann::ordered_json::array();
  for (const catalog::LeasedPath& path : lease.paths)
    paths.push_back({{"path", path.path}, {"bits_per_second", path.rate.value() * 8}});
  return {{"from", lease.from},
          {"to", lease.to},
          {"begin", lease.begin},
          {"end", lease.end},
          {"paths", paths},
          {"bits_per_second", lease.rate * 1e6},
          {"received_bits_per_second", lease.received * 1e6},
          {"why", lease.why},
          {"ended", lease.ended}};
}

std::string as_json(const Explained& all) {
  auto list = nlohmann::ordered_json::array();
  for (const report::Reroute& move : all.moves)
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
  for (const report::Handover& handover : all.handovers)
    kept.push_back({{"at", handover.at},
                    {"from", handover.from},
                    {"to", handover.what.peer},
                    {"path", handover.what.path},
                    {"instead", handover.what.instead},
                    {"lasts_ns", handover.what.lasts.ns}});
  auto leases = nlohmann::ordered_json::array();
  for (const report::Lease& lease : all.leases) leases.push_back(as_json(lease));
  return nlohmann::ordered_json{
             {"version", 1}, {"reroutes", list}, {"handovers", kept}, {"leases", leases}}
             .dump(2) +
         "\n";
}

std::string as_text(const report::Lease& lease) {
  return fmt::format("{:>9.3f} s  {} to {}: bulk has leased {} until {:.3f} s: {}{}\n", lease.begin,
                     lease.from, lease.to, report::paths_text(lease), lease.end, lease.why,
                     lease.ended.empty() ? "" : "; it ended: " + lease.ended);
}

std::string as_text(const Explained& all) {
  std::multimap<double, std::string> lines;
  for (const report::Reroute& move : all.moves)
    lines.emplace(move.at, fmt::format("{:>9.3f} s  {} to {}: {} now over {} ({}): {}\n", move.at,
                                       move.from, move.to, move.traffic, move.grounds.taken.path,
                                       move.reason, report::sentence(move)));
  for (const report::Lease& lease : all.leases) lines.emplace(lease.begin, as_text(lease));
  std::string text = all.moves.empty() ? "no traffic was moved\n" : "";
  for (const auto& [at, line] : lines) text += line;
  const std::string kept = report::sentence(all.handovers);
  return kept.empty() ? text : text + kept + "\n";
}

}  // namespace

void ExplainCommand::declare(CLI::App& app) {
  app.add_option("run", run_name, "The run: its folder or its id")->required();
  app.add_option("--runs", runs, "Where runs are kept")->envname("AXS_RUNS")->capture_default_str();
  app.add_flag("--json", json, "Print one JSON object, with all that was seen of the paths");
  app.footer("Example:\n  axs explain runs/three-continents-20251008T120000Z");
}

Result<ExitCode> ExplainCommand::run() {
  const report::RunLogs logs = AXS_TRY(report::read_run(run_folder(run_name, runs)));
  const record::History history = record::merge(logs.logs);
  const Explained all{report::reroutes(history), report::handovers(history),
                      report::bulk(history).leases};
  std::fputs((json ? as_json(all) : as_text(all)).c_str(), stdout);
  return ExitCode::done;
}

}  // namespace axs::cli
