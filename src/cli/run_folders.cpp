#include "axs/cli/run_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "axs/host/file.h"
#include "axs/host/lock.h"
#include "axs/live/run_plan.h"
#include "axs/live/site_stage.h"

namespace axs::cli {
namespace {

namespace fs = std::filesystem;
using State = RunEntry::State;

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

/// Whether a process holds that lock; what cannot be known counts as held.
bool held(const std::string& lock) {
  if (!fs::exists(lock)) return false;
  const auto holder = host::FileLock::holder(lock);
  return !holder || *holder;
}

/// Whether an agent holds its site, or a launcher the run.
bool runs_now(const live::RunFolder& folder, const live::RunPlan& plan) {
  return held(folder.lock("run")) ||
         std::ranges::any_of(plan.scenario.sites, [&](const catalog::Site& site) {
           return held(folder.site(site.name) + "/lock");
         });
}

/// Whether nothing is left for a later life of the run to do.
bool has_finished(const live::RunFolder& folder, const live::RunPlan& plan) {
  return std::ranges::all_of(plan.scenario.sites, [&](const catalog::Site& site) {
    const auto stage = live::load_stage(folder.site(site.name));
    return stage && *stage == live::SiteStage::finished;
  });
}

RunEntry look_at(const live::RunFolder& folder) {
  RunEntry entry{.id = fs::path{folder.path}.filename(), .bytes = bytes_below(folder.path)};
  const auto plan = live::load_run(folder);
  if (!plan) return entry;
  entry.scenario = plan->scenario.name;
  entry.started = plan->clock.wall;
  entry.state = runs_now(folder, *plan)       ? State::running
                : has_finished(folder, *plan) ? State::finished
                                              : State::unfinished;
  return entry;
}

Removal choose(const std::vector<RunEntry>& runs) {
  Removal removal;
  for (const RunEntry& run : runs) {
    if (run.state == State::finished || run.state == State::damaged)
      removal.removed.push_back(run);
    else
      ++removal.spared;
  }
  return removal;
}

/// The folder itself, or the nearest above it that is there.
std::string existing(const std::string& folder) {
  fs::path at = fs::absolute(folder);
  std::error_code ignored;
  while (!fs::exists(at, ignored) && at.has_relative_path()) at = at.parent_path();
  return at.string();
}

}  // namespace

std::vector<RunEntry> runs_in(const std::string& folder) {
  std::vector<RunEntry> runs;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator{folder, absent})
    if (fs::exists(entry.path() / "plan", absent)) runs.push_back(look_at({entry.path().string()}));
  std::ranges::sort(runs, {}, &RunEntry::id);
  return runs;
}

std::string quota_note(const std::vector<RunEntry>& runs, const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const RunEntry& run : runs) bytes += run.bytes;
  if (bytes <= quota_bytes && runs.size() <= quota_runs) return {};
  return fmt::format(
      "{} earlier runs take {:.1f} GB in {}; axs runs rm --keep {} removes all but the newest",
      runs.size(), static_cast<double>(bytes) * 1e-9, folder, quota_runs / 2);
}

std::uint64_t disk_need(const catalog::Scenario& scenario) {
  const std::uint64_t sites = scenario.sites.size();
  const std::uint64_t parameters = catalog::parameter_count(scenario.model);
  const catalog::Train& train = scenario.train;
  // Two slots of at most nine fp32 values (parameters, two moments, the shared ones, momentum, two
  // residuals, what was sent, what is gone on from) and the codes.
  constexpr std::uint64_t state = 2 * 10 * 4;
  // Two rounds of contributions of every site, bits and scales per value.
  const std::uint64_t contributions = 2 * sites * train.outer.bits / 4;
  const std::uint64_t per_site = parameters * (state + contributions);
  const std::uint64_t step =
      catalog::tokens_per_step(train, scenario.model, static_cast<std::uint32_t>(sites));
  const std::uint64_t steps = train.tokens / std::max<std::uint64_t>(1, step);
  const bool outer = train.sync == catalog::SyncMode::outer;
  const std::uint64_t syncs = outer ? steps * train.outer.fragments / train.outer.period : steps;
  // Votes and facts of a sync at one site, of every member; the log has its own bound.
  const std::uint64_t records = std::min<std::uint64_t>(syncs * (1'000 + 300 * sites), 512u << 20);
  constexpr std::uint64_t logs = std::uint64_t{32} << 20;
  return sites * (per_site + records + logs) + 4 * parameters;
}

Result<> check_room(const std::string& folder, const catalog::Scenario& scenario) {
  const std::uint64_t room = AXS_TRY(host::free_space(existing(folder)));
  const std::uint64_t need = disk_need(scenario);
  if (room >= need) return Ok{};
  return Error{
      Errc::exhausted,
      fmt::format("{}: {:.1f} GB free, want {:.1f} GB for workers' states, contributions "
                  "and records of the run; axs runs rm makes room",
                  folder, static_cast<double>(room) * 1e-9, static_cast<double>(need) * 1e-9)};
}

Removal beyond_newest(std::vector<RunEntry> runs, std::size_t keep) {
  std::ranges::sort(runs, [](const RunEntry& a, const RunEntry& b) {
    return std::tie(b.started, a.id) < std::tie(a.started, b.id);
  });
  if (runs.size() <= keep) return {};
  runs.erase(runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(keep));
  return choose(runs);
}

Removal older_than(const std::vector<RunEntry>& runs, Duration limit) {
  std::vector<RunEntry> old;
  std::ranges::copy_if(runs, std::back_inserter(old),
                       [limit](const RunEntry& run) { return run.started < limit; });
  return choose(old);
}

}  // namespace axs::cli
