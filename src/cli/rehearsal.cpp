#include "axs/cli/rehearsal.h"

#include <fmt/format.h>
#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "axs/cli/audience.h"
#include "axs/cli/run_folders.h"
#include "axs/cli/run_view.h"
#include "axs/cli/scratch_folder.h"
#include "axs/cli/terminal.h"
#include "axs/host/file.h"
#include "axs/live/launcher.h"
#include "axs/report/fact_reader.h"
#include "axs/twin/twin.h"

namespace axs::cli {
namespace {

/// Of a job that takes longer the twin runs the beginning, and the rest is taken to be like it.
constexpr Duration simulated_most = seconds(200);

/// Of all sites.
std::uint64_t tokens_per_step(const catalog::Scenario& scenario) {
  return catalog::tokens_per_step(scenario.train, scenario.model,
                                  static_cast<std::uint32_t>(scenario.sites.size()));
}

/// The same job, but short, and without what would only disturb the measurement.
live::NewRun rehearsed(live::NewRun job) {
  catalog::Scenario& scenario = job.scenario;
  scenario.faults.clear();
  scenario.transfers.clear();
  scenario.train.tokens = Rehearsal::steps * tokens_per_step(scenario);
  job.purpose = live::Purpose::rehearsal;
  return job;
}

/// Of what one site noted, by its own clock.
struct SiteRecord {
  std::vector<catalog::Progress> progress{};
  std::map<std::uint32_t, std::uint64_t> contributed{};  ///< Last bytes by fragment.
  Instant started{}, ready{}, finished{}, evaluated_at{}, exported{};
  std::uint64_t validation_bytes = 0;
  std::uint64_t evaluated = 0;  ///< tokens
};

class Reader {
 public:
  explicit Reader(std::uint32_t fragments) : fragments_{fragments} {}

  std::map<std::string, SiteRecord> read(const record::History& history) {
    for (const record::Entry& entry : history.entries)
      std::visit([&](const auto& fact) { see(sites_[entry.site], entry.at, fact); }, entry.fact);
    return std::move(sites_);
  }

 private:
  template <class Fact>
  void see(SiteRecord&, Instant, const Fact&) {}
  void see(SiteRecord& site, Instant at, const catalog::WorkerStarted&) { site.started = at; }
  void see(SiteRecord& site, Instant at, const catalog::WorkerReady& fact) {
    site.ready = at;
    site.validation_bytes = fact.validation_bytes;
  }
  void see(SiteRecord& site, Instant, const catalog::Progress& fact) {
    site.progress.push_back(fact);
  }
  void see(SiteRecord& site, Instant, const catalog::Contributed& fact) {
    if (fact.end > fact.begin)
      site.contributed[train::fragment_of({fact.sync}, fragments_)] = fact.bytes;
  }
  void see(SiteRecord& site, Instant at, const catalog::SiteFinished&) { site.finished = at; }
  void see(SiteRecord& site, Instant at, const catalog::Evaluated& fact) {
    site.evaluated = fact.tokens;
    site.evaluated_at = at;
  }
  void see(SiteRecord& site, Instant at, const catalog::Exported&) { site.exported = at; }

  std::uint32_t fragments_;
  std::map<std::string, SiteRecord> sites_;
};

/// Mean time per step of what `of` says, over the steps after the first report, in which caches
/// were cold; over all if there is no other.
Duration mean(const std::vector<catalog::Progress>& progress, Duration catalog::Progress::* of) {
  double sum = 0;
  std::uint64_t from = progress.size() > 1 ? progress.front().steps : 0, steps = 0;
  for (std::size_t i = progress.size() > 1 ? 1 : 0; i < progress.size(); ++i) {
    // They go back where a worker was killed.
    const std::uint64_t since = progress[i].steps > from ? progress[i].steps - from : 0;
    sum += (progress[i].*of).seconds() * static_cast<double>(since);
    steps += since;
    from = progress[i].steps;
  }
  return steps == 0 ? Duration{} : from_seconds(sum / static_cast<double>(steps));
}

/// How many steps a worker takes from one sync to the next.
double steps_per_sync(const catalog::Train& train) {
  if (train.sync == catalog::SyncMode::every_step) return 1;
  return static_cast<double>(train.outer.period) / train.outer.fragments;
}

Result<twin::WorkerSpeed> speed_of(const catalog::Scenario& scenario, SiteId id,
                                   const SiteRecord& site) {
  const Duration step = mean(site.progress, &catalog::Progress::step_time);
  if (step <= Duration{} || site.ready < site.started)
    return Error{Errc::unavailable,
                 "the worker of " + scenario.sites[id.value].name + " reported no progress"};
  twin::WorkerSpeed speed;
  speed.step = step;
  speed.start = site.ready - site.started;
  speed.tokens_per_step = catalog::site_tokens_per_step(
      scenario.train, scenario.model, id, static_cast<std::uint32_t>(scenario.sites.size()));
  // One capture and one merge for each sync; in every step there is only the second.
  const Duration sync =
      scaled(mean(site.progress, &catalog::Progress::sync_time), steps_per_sync(scenario.train));
  const bool captures = scenario.train.sync == catalog::SyncMode::outer;
  speed.capture = captures ? sync / 2 : Duration{};
  speed.apply = sync - speed.capture;
  std::uint64_t bytes = 0;
  for (const auto& [fragment, size] : site.contributed) bytes += size;
  if (!site.contributed.empty()) speed.contribution_bytes = bytes / site.contributed.size();
  return speed;
}

/// Only a part of the validation split was evaluated, but the whole model exported.
Duration finishing_time(const std::map<std::string, SiteRecord>& sites) {
  Duration longest{};
  for (const auto& [name, site] : sites) {
    if (site.evaluated == 0 || site.exported < site.evaluated_at) continue;
    const double share =
        static_cast<double>(site.validation_bytes) / static_cast<double>(site.evaluated);
    longest = std::max(longest, scaled(site.evaluated_at - site.finished, std::max(1.0, share)) +
                                    (site.exported - site.evaluated_at));
  }
  return longest;
}

/// From the last site that has exported to the end of the run.
Duration ending_time(const std::map<std::string, SiteRecord>& sites,
                     const record::History& history) {
  Instant exported{}, ended{};
  for (const auto& [name, site] : sites) exported = std::max(exported, site.exported);
  record::for_each<catalog::RunFinished>(
      history, [&](const record::Entry& entry, const auto&) { ended = entry.at; });
  return std::max(Duration{}, ended - exported);
}

/// Processes start one after the other, but in the twin workers start at once.
Duration launching_time(const std::map<std::string, SiteRecord>& sites,
                        const std::vector<twin::WorkerSpeed>& workers) {
  Instant ready{};
  for (const auto& [name, site] : sites) ready = std::max(ready, site.ready);
  const auto slowest = std::ranges::max_element(workers, {}, &twin::WorkerSpeed::start);
  return ready - Instant{} - slowest->start;
}

std::uint64_t scaled_count(std::uint64_t count, double factor) {
  return static_cast<std::uint64_t>(static_cast<double>(count) * factor);
}

constexpr std::string_view hidden_prefix = ".rehearsal-";

/// What rehearsals that were killed have left.
void sweep(const std::string& parent) {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator{parent, failure}) {
    if (!entry.path().filename().string().starts_with(hidden_prefix)) continue;
    const auto inside = runs_in(entry.path().string());
    if (!inside.empty() && inside.front().state != RunEntry::State::running)
      std::filesystem::remove_all(entry.path(), failure);
  }
}

Result<live::Launcher::Outcome> run_short(const live::RunFolder& folder, live::RunPlan plan,
                                          const std::string& program) {
  RunView view{folder, plan};
  Audience audience;
  const auto launcher = AXS_TRY(live::Launcher::open(
      {.folder = folder,
       .plan = std::move(plan),
       .program = program,
       .look =
           [&](live::Launcher& running) {
             view.show_block();
             audience.look(running);
           },
       .tell = [](const std::string& what) { print_error("rehearsal: " + what); }}));
  const auto outcome = AXS_TRY(launcher->run());
  view.erase();
  return outcome;
}

}  // namespace

bool deserves_rehearsal(const catalog::Scenario& scenario) {
  return scenario.train.tokens >= Rehearsal::worthwhile * tokens_per_step(scenario);
}

Result<record::History> rehearse(live::NewRun job, const std::string& runs,
                                 const std::string& program) {
  sweep(runs);
  AXS_TRY(host::make_folder(runs));
  ScratchFolder hidden = AXS_TRY(ScratchFolder::create(runs + "/" + std::string{hidden_prefix}));
  const live::RunFolder folder{hidden.path() + "/rehearsal"};
  live::RunPlan plan = AXS_TRY(live::create_run(folder, rehearsed(std::move(job))));
  const auto outcome = AXS_TRY(run_short(folder, std::move(plan), program));
  if (outcome == live::Launcher::Outcome::stopped)
    return Error{Errc::unavailable, "ended before the run began"};
  if (outcome == live::Launcher::Outcome::failed) {
    hidden.keep();
    return Error{Errc::unavailable,
                 "rehearsal: the first steps of the job failed; its logs are in " + folder.path};
  }
  return record::merge(AXS_TRY(report::read_run(folder.path)).logs);
}

Result<Rehearsal> measured(const catalog::Scenario& scenario, const record::History& history) {
  auto sites = Reader{scenario.train.outer.fragments}.read(history);
  Rehearsal rehearsal;
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i)
    rehearsal.workers.push_back(
        AXS_TRY(speed_of(scenario, SiteId{i}, sites[scenario.sites[i].name])));
  rehearsal.launching = launching_time(sites, rehearsal.workers);
  rehearsal.finishing = finishing_time(sites) + ending_time(sites, history);
  return rehearsal;
}

Result<std::vector<twin::WorkerSpeed>> speeds_of_run(const catalog::Scenario& scenario,
                                                     const std::string& folder) {
  const auto history = record::merge(AXS_TRY(report::read_run(folder)).logs);
  auto found = measured(scenario, history);
  if (!found) return Error{Errc::invalid, "--speeds " + folder + ": " + found.error().what};
  return found->workers;
}

Result<catalog::Predicted> predict(const catalog::Scenario& scenario,
                                   const std::vector<fabric::LinkPlan>& links,
                                   const Rehearsal& rehearsal) {
  twin::Twin world{{.scenario = scenario, .links = links, .workers = rehearsal.workers}};
  const twin::Outcome outcome = world.run(simulated_most);
  if (outcome.tokens == 0)
    return Error{Errc::unavailable,
                 fmt::format("prediction: nothing is merged in the first {:.0f} s",
                             simulated_most.seconds())};
  const double whole = outcome.finished ? 1
                                        : static_cast<double>(scenario.train.tokens) /
                                              static_cast<double>(outcome.tokens);
  return catalog::Predicted{
      .duration = rehearsal.launching + scaled(outcome.took, whole) + rehearsal.finishing,
      .finishing = rehearsal.finishing,
      .bytes = scaled_count(outcome.bytes, whole),
      .syncs = scaled_count(outcome.syncs, whole),
      .basis = fmt::format("calibrated on {} steps with all sites at work", Rehearsal::steps)};
}

}  // namespace axs::cli
