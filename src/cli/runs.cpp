#include "axs/cli/runs.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "axs/catalog/utc.h"
#include "axs/config/quantity.h"
#include "axs/core/enums.h"
#include "axs/host/clock.h"

namespace axs::cli {
namespace {

namespace fs = std::filesystem;
using State = RunEntry::State;

std::string started_text(const RunEntry& run) {
  return run.state == State::damaged ? "" : catalog::format_utc(catalog::UtcTime{} + run.started);
}

std::string as_json(const std::vector<RunEntry>& runs) {
  auto list = nlohmann::ordered_json::array();
  for (const RunEntry& run : runs)
    list.push_back({{"id", run.id},
                    {"scenario", run.scenario},
                    {"started", started_text(run)},
                    {"bytes", run.bytes},
                    {"running", run.state == State::running},
                    {"state", enum_name(run.state)}});
  return nlohmann::ordered_json{{"version", 1}, {"runs", list}}.dump(2) + "\n";
}

std::string as_text(const std::vector<RunEntry>& runs) {
  std::string text;
  for (const RunEntry& run : runs)
    text += fmt::format("{:<44} {:<20} {:>9.1f} MB  {}\n", run.id, started_text(run),
                        static_cast<double>(run.bytes) * 1e-6, enum_name(run.state));
  return text;
}

}  // namespace

void RunsCommand::declare(CLI::App& app) {
  app.require_subcommand(1);
  CLI::App* ls = app.add_subcommand("ls", "List runs: name, start, size, how far they are");
  ls->add_flag("--json", json, "Print one JSON object");
  ls->callback([this] { lists_ = true; });
  CLI::App* rm = app.add_subcommand("rm", "Remove runs, with their models and their state");
  CLI::Option* one = rm->add_option("run", run_id, "The name of the run");
  CLI::Option* newest = rm->add_option("--keep", keep, "Remove all but so many of the newest")
                            ->check(CLI::NonNegativeNumber);
  CLI::Option* old =
      rm->add_option("--older-than", age, "Remove those that started longer ago, such as 3d");
  one->excludes(newest)->excludes(old);
  newest->excludes(old);
  rm->footer(
      "--keep and --older-than spare runs that have not finished: those can be resumed, and go by "
      "their name only.");
  for (CLI::App* each : {ls, rm})
    each->add_option("--runs", folder, "Where runs are kept")
        ->envname("AXS_RUNS")
        ->capture_default_str();
}

Result<ExitCode> RunsCommand::run() {
  std::error_code absent;
  if (fs::exists(folder, absent) && !fs::is_directory(folder, absent))
    return Error{Errc::invalid, fmt::format("--runs {}: not a folder", folder)};
  if (lists_) return list();
  if (!removes())
    return Error{Errc::invalid, "runs rm: nothing named, want a run, --keep N or --older-than AGE"};
  return run_id.empty() ? remove() : remove_one();
}

Result<ExitCode> RunsCommand::list() const {
  const auto runs = runs_in(folder);
  fmt::print("{}", json ? as_json(runs) : as_text(runs));
  return ExitCode::done;
}

Result<ExitCode> RunsCommand::remove() const {
  const auto runs = runs_in(folder);
  Removal removal;
  if (keep) {
    removal = beyond_newest(runs, *keep);
  } else {
    const auto limit = config::parse_duration(age);
    if (!limit) return Error{Errc::invalid, "--older-than: " + limit.error().what};
    removal = older_than(runs, host::unix_time() - *limit);
  }
  for (const RunEntry& run : removal.removed) {
    AXS_TRY(remove_folder(run.id));
    fmt::print("removed {}\n", run.id);
  }
  if (removal.spared > 0)
    fmt::print("{} not finished: kept\n",
               removal.spared == 1 ? "1 that has" : fmt::format("{} that have", removal.spared));
  return ExitCode::done;
}

Result<ExitCode> RunsCommand::remove_one() const {
  const auto runs = runs_in(folder);
  const auto chosen = std::ranges::find(runs, run_id, &RunEntry::id);
  if (chosen == runs.end())
    return Error{Errc::invalid, fmt::format("\"{}\": no such run in {}", run_id, folder)};
  if (chosen->state == State::running)
    return Error{Errc::unavailable, fmt::format("{}: is running, want one that has ended", run_id)};
  AXS_TRY(remove_folder(run_id));
  return ExitCode::done;
}

Result<> RunsCommand::remove_folder(const std::string& id) const {
  std::error_code failure;
  fs::remove_all(fs::path{folder} / id, failure);
  if (failure) return Error{Errc::unavailable, fmt::format("{}: {}", id, failure.message())};
  return Ok{};
}

}  // namespace axs::cli
