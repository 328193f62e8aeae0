#include "axs/cli/run.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "axs/cli/audience.h"
#include "axs/cli/corpus.h"
#include "axs/cli/plan_execute.h"
#include "axs/cli/programs.h"
#include "axs/cli/rehearsal.h"
#include "axs/cli/report.h"
#include "axs/cli/run_folders.h"
#include "axs/cli/run_record.h"
#include "axs/cli/run_view.h"
#include "axs/cli/terminal.h"
#include "axs/host/boot.h"
#include "axs/live/controller_process.h"
#include "axs/live/launcher.h"
#include "axs/live/run_plan.h"
#include "axs/live/underlay_process.h"
#include "axs/report/text.h"

namespace axs::cli {
namespace {

/// How far ahead sites are told when satellites change.
constexpr Duration sky_known = seconds(86'400);

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

/// "three-continents-20251008T120000Z"
std::string new_run_id(const std::string& scenario) {
  std::string stamp = catalog::format_utc(catalog::UtcTime{} + host::unix_time());
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  return scenario + "-" + stamp;
}

/// The first name of that kind that no run has.
live::RunFolder new_folder(const std::string& runs, const std::string& scenario) {
  const std::string path = absolute(runs) + "/" + new_run_id(scenario);
  live::RunFolder folder{path};
  for (int i = 2; std::filesystem::exists(folder.path); ++i)
    folder.path = path + "-" + std::to_string(i);
  return folder;
}

/// `beside`: what was foreseen, and what came of it.
std::string outcome_text(const live::RunFolder& folder, const RunView& view,
                         const std::string& beside) {
  std::string text;
  const auto* finished = view.last<catalog::SiteFinished>();
  const auto* applied = view.last<catalog::SyncApplied>();
  if (finished != nullptr && applied != nullptr)
    text += fmt::format("tokens {} merged in {} syncs\n", finished->tokens, applied->sync + 1);
  if (const auto* evaluated = view.last<catalog::Evaluated>())
    text += fmt::format("validation loss {:.4f}\n", evaluated->loss);
  if (view.last<catalog::Exported>()) text += fmt::format("model  {}\n", folder.model());
  text += beside;
  text += fmt::format("report {}/report.html\n", folder.path);
  return text + fmt::format("run    {}\n", folder.path);
}

/// Runs a run to its end, and says what came of it.
Result<ExitCode> launch(live::Launcher::Config config) {
  using Launcher = live::Launcher;
  const live::RunFolder folder = config.folder;
  const catalog::Scenario scenario = config.plan.scenario;
  const bool resumed = config.start == Launcher::Start::resumed;
  std::optional<RunView> view;
  Audience audience;
  config.program = own_program();
  config.look = [&](Launcher& running) {
    view->show();
    audience.look(running);
  };
  config.tell = [](const std::string& what) { print_error(what); };
  const auto launcher = AXS_TRY(Launcher::open(std::move(config)));
  view.emplace(folder, launcher->plan());
  if (resumed) view->catch_up();
  fmt::print("run {}\n", folder.path);
  std::fflush(stdout);
  const auto outcome = AXS_TRY(launcher->run());
  view->finish();
  AXS_TRY(write_report(folder.path));
  const auto history = record::merge(AXS_TRY(report::read_run(folder.path)).logs);
  fmt::print("{}", outcome_text(folder, *view, outcome_beside(history, scenario)));
  if (outcome == Launcher::Outcome::finished) return ExitCode::done;
  fmt::print("go on with: axs run --resume {}\n", folder.path);
  return ExitCode::failed;
}

}  // namespace

void RunCommand::declare(CLI::App& app) {
  job.declare(app);
  app.get_option("scenario")->required(false);
  app.add_option("--data", data, "Text to train on, a file or a folder; else Python's own library");
  app.add_option("--plan", plan_file,
                 "Carry out this plan of the job, as axs plan --json has printed it: data-parallel "
                 "replicas on processors, at one site or at several");
  ray.declare(app);
  app.add_option("--runs", runs, "Where runs are kept")->envname("AXS_RUNS")->capture_default_str();
  CLI::Option* go_on =
      app.add_option("--resume", resume, "Go on with this run: its name in --runs, or its folder");
  for (const char* other : {"scenario", "--tle", "--seed", "--data", "--plan", "--ray"})
    go_on->excludes(app.get_option(other));
  app.footer(
      "Examples:\n"
      "  axs run scenarios/three-continents.toml\n"
      "  axs run scenarios/three-continents.toml --data book.txt\n"
      "  axs plan job.toml --json > plan.json; axs run job.toml --plan plan.json\n"
      "  axs run job.toml --plan plan.json --ray sfo=10.0.0.1:6379 --ray fra=10.1.0.1:6379\n"
      "  axs run --resume three-continents-20251008T120000Z");
}

Result<ExitCode> RunCommand::run() {
  std::signal(SIGPIPE, SIG_IGN);  // Otherwise it would leave the agents alone.
  if (!resume.empty()) return go_on();
  if (job.scenario.empty())
    return Error{Errc::invalid, "run: no scenario, want a TOML file or --resume RUN"};
  live::NewRun fresh = AXS_TRY(wanted());
  catalog::Scenario& scenario = fresh.scenario;
  if (!data.empty()) AXS_TRY(check_corpus(data, "--data"));
  if (!data.empty()) data = absolute(data);
  if (scenario.sky)  // The run may be resumed from another folder.
    if (auto* file = std::get_if<std::string>(&scenario.sky->satellites)) *file = absolute(*file);
  // What is wrong with the sky is said before anything starts.
  const auto links = AXS_TRY(plan_links(scenario));
  AXS_TRY(check_room(runs, scenario));
  if (const std::string note = quota_note(runs_in(runs), runs); !note.empty()) print_error(note);
  const live::RunFolder folder = new_folder(runs, scenario.name);
  fresh.data = data;
  fresh.handovers = fabric::planned_breaks(links, sky_known);
  fresh.launchers = AXS_TRY(ray.launchers(scenario, folder.planned()));
  AXS_TRY(ray.check_room(scenario, fresh.planned));
  const auto opening = opening_facts(scenario, "live", own_command());
  fresh.opening.insert(fresh.opening.begin(), opening.begin(), opening.end());
  if (deserves_rehearsal(scenario))
    if (const auto predicted = AXS_TRY(foresee(fresh, links))) fresh.opening.push_back(*predicted);
  live::RunPlan plan = AXS_TRY(live::create_run(folder, std::move(fresh)));
  return launch({.folder = folder, .plan = std::move(plan), .program = {}});
}

Result<live::NewRun> RunCommand::wanted() const {
  live::NewRun fresh{.scenario = AXS_TRY(job.read())};
  if (plan_file.empty()) return fresh;
  PlannedRun planned = AXS_TRY(read_planned_run(job, plan_file));
  AXS_TRY(check_workers(planned, plan_file));
  AXS_TRY(check_host(planned, capacity(), plan_file));
  fmt::print("plan {}: {}\n", plan_file, work_text(planned.scenario));
  fresh.opening.push_back(planned_fact(planned));
  fresh.planned = std::move(planned.text);
  fresh.scenario = std::move(planned.scenario);
  return fresh;
}

/// Says what the run will come to, before it begins; nothing if that cannot be known.
Result<std::optional<catalog::Predicted>> RunCommand::foresee(
    const live::NewRun& fresh, const std::vector<fabric::LinkPlan>& links) const {
  using Foreseen = std::optional<catalog::Predicted>;
  print_error(
      fmt::format("rehearsing {} steps, to know how long the run will take", Rehearsal::steps));
  const auto history = AXS_TRY(rehearse(fresh, absolute(runs), own_program()));
  const auto rehearsal = measured(fresh.scenario, history);
  const auto predicted = rehearsal ? predict(fresh.scenario, links, *rehearsal)
                                   : Result<catalog::Predicted>{rehearsal.error()};
  if (!predicted) {
    print_error("rehearsal: " + predicted.error().what + "; nothing is predicted");
    return Foreseen{};
  }
  fmt::print("predicted {}, {} over the links, {} syncs ({})\n",
             report::time_text(predicted->duration.seconds()),
             report::bytes_text(static_cast<double>(predicted->bytes)), predicted->syncs,
             predicted->basis);
  return Foreseen{*predicted};
}

Result<ExitCode> RunCommand::go_on() const {
  const bool is_path = resume.find('/') != std::string::npos;
  const live::RunFolder folder{absolute(is_path ? resume : runs + "/" + resume)};
  if (!std::filesystem::exists(folder.plan()))
    return Error{Errc::invalid, "--resume " + resume + ": no run in " + folder.path};
  live::RunPlan plan = AXS_TRY(live::load_run(folder));
  return launch({.folder = folder,
                 .plan = std::move(plan),
                 .program = {},
                 .start = live::Launcher::Start::resumed});
}

void AgentCommand::declare(CLI::App& app) {
  app.add_option("folder", folder, "The folder of the run")->required();
  app.add_option("--site", site, "The name of the site")->required();
}

Result<ExitCode> AgentCommand::run() {
  const live::RunFolder run{folder};
  const live::RunPlan plan = AXS_TRY(live::load_run(run));
  if (plan.clock.boot != host::boot_id())
    return Error{Errc::unavailable,
                 fmt::format("--site {}: {} was begun on another machine or before a boot, want it "
                             "where its emulator runs",
                             site, folder)};
  for (std::uint32_t i = 0; i < plan.scenario.sites.size(); ++i) {
    if (plan.scenario.sites[i].name != site) continue;
    AXS_TRY(live::run_agent(live::agent_config(run, plan, SiteId{i}, worker_program())));
    return ExitCode::done;
  }
  return Error{Errc::invalid, "--site " + site + ": the run has no such site"};
}

void UnderlayCommand::declare(CLI::App& app) {
  app.add_option("folder", folder, "The folder of the run")->required();
}

Result<ExitCode> UnderlayCommand::run() {
  const live::RunFolder run{folder};
  const live::RunPlan plan = AXS_TRY(live::load_run(run));
  const auto links = AXS_TRY(plan_links(plan.scenario));
  AXS_TRY(live::run_underlay_process(run, plan, links));
  return ExitCode::done;
}

void ControllerCommand::declare(CLI::App& app) {
  app.add_option("folder", folder, "The folder of the run")->required();
  app.add_option("--term", term, "Greater than that of every controller of the run before")
      ->required()
      ->check(CLI::PositiveNumber);
}

Result<ExitCode> ControllerCommand::run() {
  const live::RunFolder run{folder};
  const live::RunPlan plan = AXS_TRY(live::load_run(run));
  AXS_TRY(live::run_controller(run, plan, term));
  return ExitCode::done;
}

}  // namespace axs::cli
