#include "axs/cli/runs.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "axs/host/lock.h"
#include "axs/live/run_plan.h"

namespace axs::cli {
namespace {

namespace fs = std::filesystem;

struct RunEntry {
  std::string id;
  std::string scenario;  ///< Empty if the plan cannot be read.
  std::string started;
  std::uint64_t bytes{};
  bool running{};
};

std::uint64_t bytes_below(const std::string& folder) {
  std::uint64_t total = 0;
  std::error_code gone;  // A run at work removes files while we look.
  for (fs::recursive_directory_iterator at{folder, gone};
       !gone && at != fs::recursive_directory_iterator{}; at.increment(gone)) {
    std::error_code ignored;
    const std::uint64_t size = at->is_regular_file(ignored) ? at->file_size(ignored) : 0;
    if (!ignored) total += size;
  }
  return total;
}

/// Whether an agent holds its site.
bool runs_now(const live::RunFolder& folder, const live::RunPlan& plan) {
  return std::ranges::any_of(plan.scenario.sites, [&](const catalog::Site& site) {
    const std::string lock = folder.site(site.name) + "/lock";
    return fs::exists(lock) && !host::FileLock::acquire(lock);
  });
}

RunEntry look_at(const live::RunFolder& folder) {
  RunEntry entry{.id = fs::path{folder.path}.filename(),
                 .scenario = {},
                 .started = {},
                 .bytes = bytes_below(folder.path)};
  const auto plan = live::load_run(folder);
  if (!plan) return entry;
  entry.scenario = plan->scenario.name;
  entry.started = catalog::format_utc(catalog::UtcTime{} + plan->clock.wall);
  entry.running = runs_now(folder, *plan);
  return entry;
}

/// In the order of their names; only folders that hold a plan are runs.
std::vector<RunEntry> runs_in(const std::string& folder) {
  std::vector<RunEntry> runs;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator{folder, absent})
    if (fs::exists(entry.path() / "plan", absent)) runs.push_back(look_at({entry.path().string()}));
  std::ranges::sort(runs, {}, &RunEntry::id);
  return runs;
}

std::string as_json(const std::vector<RunEntry>& runs) {
  auto list = nlohmann::ordered_json::array();
  for (const RunEntry& run : runs)
    list.push_back({{"id", run.id},
                    {"scenario", run.scenario},
                    {"started", run.started},
                    {"bytes", run.bytes},
                    {"running", run.running}});
  return nlohmann::ordered_json{{"version", 1}, {"runs", list}}.dump(2) + "\n";
}

std::string as_text(const std::vector<RunEntry>& runs) {
  std::string text;
  for (const RunEntry& run : runs)
    text += fmt::format("{:<44} {:<20} {:>9.1f} MB  {}\n", run.id,
                        run.started.empty() ? "damaged" : run.started,
                        static_cast<double>(run.bytes) * 1e-6, run.running ? "running" : "");
  return text;
}

}  // namespace

void RunsCommand::declare(CLI::App& app) {
  app.require_subcommand(1);
  CLI::App* ls = app.add_subcommand("ls", "List runs: name, start, size, whether one is running");
  ls->add_flag("--json", json, "Print one JSON object");
  CLI::App* rm = app.add_subcommand("rm", "Remove a run, with its model and its state");
  rm->add_option("run", run_id, "The name of the run")->required();
  for (CLI::App* each : {ls, rm})
    each->add_option("--runs", folder, "Where runs are kept")->capture_default_str();
}

Result<ExitCode> RunsCommand::run() {
  std::error_code absent;
  if (fs::exists(folder, absent) && !fs::is_directory(folder, absent))
    return Error{Errc::invalid, fmt::format("--runs {}: not a folder", folder)};
  return run_id.empty() ? list() : remove();
}

Result<ExitCode> RunsCommand::list() const {
  const auto runs = runs_in(folder);
  fmt::print("{}", json ? as_json(runs) : as_text(runs));
  return ExitCode::done;
}

Result<ExitCode> RunsCommand::remove() const {
  const auto runs = runs_in(folder);
  const auto chosen = std::ranges::find(runs, run_id, &RunEntry::id);
  if (chosen == runs.end())
    return Error{Errc::invalid, fmt::format("\"{}\": no such run in {}", run_id, folder)};
  if (chosen->running)
    return Error{Errc::unavailable, fmt::format("{}: is running, want one that has ended", run_id)};
  std::error_code failure;
  fs::remove_all(fs::path{folder} / run_id, failure);
  if (failure) return Error{Errc::unavailable, fmt::format("{}: {}", run_id, failure.message())};
  return ExitCode::done;
}

}  // namespace axs::cli
