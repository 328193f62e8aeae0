#include "axs/cli/ledger.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "axs/cli/terminal.h"
#include "axs/record/ledger.h"
#include "axs/report/fact_reader.h"

namespace axs::cli {
namespace {

using record::Ledger;

/// What one site's shard came to in the fragment that has most of it.
struct Shard {
  std::map<std::uint32_t, std::uint64_t> tokens;  ///< by fragment
  std::uint64_t ranges = 0;
};

std::map<std::string, Shard> shards_of(const Ledger& ledger) {
  std::map<std::string, Shard> shards;
  for (const record::LedgerRow& row : ledger.rows) {
    Shard& shard = shards[row.range.site];
    shard.tokens[row.fragment] += row.range.end - row.range.begin;
    ++shard.ranges;
  }
  return shards;
}

std::string as_json(const Ledger& ledger, std::uint64_t ignored) {
  auto rows = nlohmann::ordered_json::array();
  for (const record::LedgerRow& row : ledger.rows)
    rows.push_back({{"sync", row.sync},
                    {"fragment", row.fragment},
                    {"site", row.range.site},
                    {"begin", row.range.begin},
                    {"end", row.range.end},
                    {"sites_that_merged", row.merged_at}});
  const nlohmann::ordered_json document{
      {"version", 1},
      {"holds", ledger.holds()},
      {"finished", ledger.finished},
      {"tokens", ledger.tokens},
      {"budget", ledger.budget},
      {"syncs", ledger.syncs},
      {"sites", ledger.sites},
      {"kills", ledger.kills},
      {"merged_again", ledger.repeats},
      {"lines_ignored", ignored},
      {"violations", ledger.violations},
      {"rows", rows},
  };
  return document.dump(2) + "\n";
}

std::string as_text(const Ledger& ledger, std::uint64_t ignored) {
  std::string text = fmt::format(
      "tokens  {} merged, the budget is {}{}\n"
      "syncs   {} over {} sites\n"
      "kills   {}; {} syncs merged again after them\n",
      ledger.tokens, ledger.budget, ledger.finished ? "" : ", the run has not finished",
      ledger.syncs, ledger.sites, ledger.kills, ledger.repeats);
  if (ignored > 0) text += fmt::format("lines   {} that are torn or no facts\n", ignored);
  for (const auto& [site, shard] : shards_of(ledger)) {
    text += fmt::format("{:<7} {} ranges;", site, shard.ranges);
    for (const auto& [fragment, tokens] : shard.tokens)
      text += fmt::format(" {} tokens in fragment {}", tokens, fragment);
    text += "\n";
  }
  for (const std::string& sentence : ledger.violations)
    text += coloured("wrong:", Colour::red, stdout) + " " + sentence + "\n";
  text +=
      ledger.holds() ? "the ledger holds: every token counts once\n" : "the ledger does not hold\n";
  return text;
}

}  // namespace

std::string run_folder(const std::string& name, const std::string& runs) {
  std::error_code failure;
  return std::filesystem::is_directory(name, failure)
             ? name
             : (std::filesystem::path{runs} / name).string();
}

void LedgerCommand::declare(CLI::App& app) {
  app.add_option("run", run_name, "The run: its folder or its id")->required();
  app.add_option("--runs", runs, "Where runs are kept")->envname("AXS_RUNS")->capture_default_str();
  app.add_flag("--json", json, "Print one JSON object, with every range");
  app.footer("Example:\n  axs ledger runs/three-continents-20251008T120000Z");
}

Result<ExitCode> LedgerCommand::run() {
  const report::RunLogs logs = AXS_TRY(report::read_run(run_folder(run_name, runs)));
  const Ledger ledger = record::reconcile(record::merge(logs.logs));
  std::fputs((json ? as_json(ledger, logs.ignored) : as_text(ledger, logs.ignored)).c_str(),
             stdout);
  return ledger.holds() ? ExitCode::done : ExitCode::failed;
}

}  // namespace axs::cli
