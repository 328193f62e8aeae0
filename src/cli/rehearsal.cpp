#include "axs/cli/rehearsal.h"

#include <fmt/format.h>
#include <algorithm>
#include <filesystem>
#include <map>
#include <span>
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
  job.launchers.clear();  // How fast this machine is shows without them.
  return job;
}

/// Steps from one report of a worker to the next, and the means of what they took.
struct Stretch {
  std::uint64_t steps = 0;
  Duration step{};
  Duration sync{};
};

/// Of what one site noted, by its own clock.
struct SiteRecord {
  std::vector<Stretch> stretches{};
  std::uint64_t steps = 0;                               ///< that were reported last
  std::map<std::uint32_t, std::uint64_t> contributed{};  ///< Last bytes by fragment.
  Instant started{}, ready{}, finished{}, evaluated_at{}, exported{};
  std::uint64_t validation_bytes = 0;
  catalog::Evaluated evaluated{};
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
    // They go back where a worker was killed.
    const std::uint64_t since = fact.steps > site.steps ? fact.steps - site.steps : 0;
    site.stretches.push_back({since, fact.step_time, fact.sync_time});
    site.steps = fact.steps;
  }
  void see(SiteRecord& site, Instant, const catalog::Contributed& fact) {
    if (fact.end > fact.begin)
      site.contributed[train::fragment_of({fact.sync}, fragments_)] = fact.bytes;
  }
  void see(SiteRecord& site, Instant at, const catalog::SiteFinished&) { site.finished = at; }
  void see(SiteRecord& site, Instant at, const catalog::Evaluated& fact) {
    site.evaluated = fact;
    site.evaluated_at = at;
  }
  void see(SiteRecord& site, Instant at, const catalog::Exported&) { site.exported = at; }

  std::uint32_t fragments_;
  std::map<std::string, SiteRecord> sites_;
};

/// Without the first, in which caches were cold; all if there is no other.
std::span<const Stretch> warm(const std::vector<Stretch>& stretches) {
  return std::span{stretches}.subspan(stretches.size() > 1 ? 1 : 0);
}

/// Mean time per step of what `of` says.
Duration mean(std::span<const Stretch> stretches, Duration Stretch::* of) {
  double sum = 0;
  std::uint64_t steps = 0;
  for (const Stretch& stretch : stretches) {
    sum += (stretch.*of).seconds() * static_cast<double>(stretch.steps);
    steps += stretch.steps;
  }
  return steps == 0 ? Duration{} : from_seconds(sum / static_cast<double>(steps));
}

/// How many steps a worker takes from one sync to the next.
double steps_per_sync(const catalog::Train& train) {
  if (train.sync == catalog::SyncMode::every_step) return 1;
  return static_cast<double>(train.outer.period) / train.outer.fragments;
}

Result<twin::WorkerSpeed> speed_of(const catalog::Scenario& scenario, SiteId id,
                                   const SiteRecord& site, std::span<const Stretch> stretches) {
  const Duration step = mean(stretches, &Stretch::step);
  if (step <= Duration{} || site.ready < site.started)
    return Error{Errc::unavailable,
                 "the worker of " + scenario.sites[id.value].name + " reported no progress"};
  twin::WorkerSpeed speed;
  speed.step = step;
  speed.start = site.ready - site.started;
  speed.tokens_per_step = catalog::site_tokens_per_step(
      scenario.train, scenario.model, id, static_cast<std::uint32_t>(scenario.sites.size()));
  // One capture and one merge for each sync; in every step there is only the second.
  const Duration sync = scaled(mean(stretches, &Stretch::sync), steps_per_sync(scenario.train));
  const bool captures = scenario.train.sync == catalog::SyncMode::outer;
  speed.capture = captures ? sync / 2 : Duration{};
  speed.apply = sync - speed.capture;
  std::uint64_t bytes = 0;
  for (const auto& [fragment, size] : site.contributed) bytes += size;
  if (!site.contributed.empty()) speed.contribution_bytes = bytes / site.contributed.size();
  return speed;
}

bool have_the_same_work(const catalog::Train& train, std::size_t a, std::size_t b) {
  return !train.shares ||
         train.shares->sites[a].micro_batches == train.shares->sites[b].micro_batches;
}

/// Sites of one machine that have the same work are as fast as each other over a whole run; which
/// of them gets more of the cores in a few seconds is chance, so one mean of all says more.
std::vector<Stretch> of_the_same_work(const catalog::Scenario& scenario, std::size_t site,
                                      const std::map<std::string, SiteRecord>& sites) {
  std::vector<Stretch> all;
  for (std::size_t i = 0; i < scenario.sites.size(); ++i) {
    const auto found = sites.find(scenario.sites[i].name);
    if (found == sites.end() || !have_the_same_work(scenario.train, site, i)) continue;
    const auto more = warm(found->second.stretches);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

/// Only a part of the validation split was evaluated, but the whole model exported.
Duration finishing_time(const std::map<std::string, SiteRecord>& sites) {
  Duration longest{};
  for (const auto& [name, site] : sites) {
    if (site.evaluated.tokens == 0 || site.exported < site.evaluated_at) continue;
    const double share =
        static_cast<double>(site.validation_bytes) / static_cast<double>(site.evaluated.tokens);
    const Duration rest = scaled(site.evaluated.took, std::max(0.0, share - 1));
    longest = std::max(longest, site.exported - site.finished + rest);
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
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i) {
    const SiteRecord& site = sites[scenario.sites[i].name];
    const auto stretches =
        site.stretches.empty() ? site.stretches : of_the_same_work(scenario, i, sites);
    rehearsal.workers.push_back(AXS_TRY(speed_of(scenario, SiteId{i}, site, stretches)));
  }
  rehearsal.launching = launching_time(sites, rehearsal.workers);
  rehearsal.finishing = finishing_time(sites) + ending_time(sites, history);
  return rehearsal;
}

Result<std::vector<twin::WorkerSpeed>> speeds_of_run(const catalog::Scenario& scenario,
                                                     const std::string& folder) {
  const auto history = record::merge(AXS_TRY(report::read_run(folder)).logs);
  auto sites = Reader{scenario.train.outer.fragments}.read(history);
  std::vector<twin::WorkerSpeed> speeds;
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i) {
    const SiteRecord& site = sites[scenario.sites[i].name];
    const auto speed = speed_of(scenario, SiteId{i}, site, warm(site.stretches));
    if (!speed) return Error{Errc::invalid, "--speeds " + folder + ": " + speed.error().what};
    speeds.push_back(*speed);
  }
  return speeds;
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
