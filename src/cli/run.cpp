#include "axs/cli/run.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>

#include "axs/cli/corpus.h"
#include "axs/cli/report.h"
#include "axs/cli/run_record.h"
#include "axs/cli/run_view.h"
#include "axs/cli/terminal.h"
#include "axs/host/file.h"
#include "axs/host/loop.h"
#include "axs/host/process.h"
#include "axs/host/signals.h"
#include "axs/live/run_plan.h"

namespace axs::cli {
namespace {

constexpr Duration look_every = milliseconds(200);

std::string own_program() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

/// axs-worker lies beside axs.
std::string worker_program() {
  return std::filesystem::path{own_program()}.replace_filename("axs-worker").string();
}

/// "three-continents-20251008T120000Z"
std::string new_run_id(const std::string& scenario) {
  std::string stamp = catalog::format_utc(catalog::UtcTime{} + host::unix_time());
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  return scenario + "-" + stamp;
}

/// The processes of one run, and what the user sees of them.
class Supervisor {
 public:
  Supervisor(live::RunFolder folder, const live::RunPlan& plan)
      : folder_{std::move(folder)}, plan_{plan}, view_{folder_, plan} {}

  Result<> start() {
    underlay_.emplace(AXS_TRY(spawn("underlay", {"underlay", folder_.path})));
    for (const catalog::Site& site : plan_.scenario.sites)
      agents_.emplace(site.name, AXS_TRY(spawn_agent(site.name)));
    return Ok{};
  }

  /// Shows what happens until all agents have ended. False if one of them failed.
  Result<bool> watch() {
    auto signals = AXS_TRY(host::SignalFd::create());
    const auto loop = AXS_TRY(host::Loop::create(host::RunClock{Instant{}}));
    AXS_TRY(loop->watch(signals.fd(), host::Interest::readable, [&](host::Ready) {
      while (const auto number = signals.next()) on_signal(*number);
    }));
    std::function<void()> look = [&] {
      view_.show();
      reap();
      if (agents_.empty()) return loop->stop();
      loop->after(look_every, look);
    };
    loop->after({}, look);
    AXS_TRY(loop->run());
    view_.finish();
    if (underlay_) (void)underlay_->signal(SIGTERM).has_value();
    if (underlay_) underlay_->wait();
    return !failed_;
  }

  const RunView& view() const { return view_; }

 private:
  Result<host::Child> spawn(const std::string& name, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), own_program());
    return host::Child::spawn({.arguments = std::move(arguments),
                               .log = folder_.log(name),
                               .lifetime = host::Lifetime::detached});
  }
  Result<host::Child> spawn_agent(const std::string& site) const {
    return spawn(site, {"agent", folder_.path, "--site", site});
  }

  /// The first asks the agents to end after saving, the second ends them at once.
  void on_signal(int number) {
    const bool abort = cancellation_.on_signal(number) == host::Cancel::abort;
    for (auto& [site, agent] : agents_) (void)agent.signal(abort ? SIGKILL : SIGTERM).has_value();
    if (!abort) fmt::print(stderr, "axs: ending; once more to end at once\n");
  }

  void reap() {
    for (auto agent = agents_.begin(); agent != agents_.end();) {
      const auto exit = agent->second.poll();
      if (!exit) {
        ++agent;
        continue;
      }
      const std::string site = agent->first;
      agent = agents_.erase(agent);
      if (*exit == host::Exit{}) continue;
      if (exit->signal != 0 && cancellation_.state() == host::Cancel::none) {
        restart(site, *exit);
        break;  // The map has changed.
      }
      print_error(
          fmt::format("agent of {} {}; see {}", site, host::describe(*exit), folder_.log(site)));
      failed_ = true;
    }
  }

  /// It was killed: another goes on from its folder.
  void restart(const std::string& site, host::Exit exit) {
    print_error(fmt::format("agent of {} {}; started again", site, host::describe(exit)));
    auto agent = spawn_agent(site);
    if (agent)
      agents_.emplace(site, *std::move(agent));
    else
      failed_ = true;
  }

  live::RunFolder folder_;
  const live::RunPlan& plan_;
  std::optional<host::Child> underlay_;
  std::map<std::string, host::Child> agents_;
  RunView view_;
  host::Cancellation cancellation_;
  bool failed_ = false;
};

std::string outcome_text(const live::RunFolder& folder, const RunView& view) {
  std::string text;
  if (const auto* evaluated = view.last<catalog::Evaluated>())
    text += fmt::format("validation loss {:.4f}\n", evaluated->loss);
  if (view.last<catalog::Exported>()) text += fmt::format("model  {}\n", folder.model());
  text += fmt::format("report {}/report.html\n", folder.path);
  return text + fmt::format("run    {}\n", folder.path);
}

}  // namespace

void RunCommand::declare(CLI::App& app) {
  job.declare(app);
  app.add_option("--data", data, "Text to train on, a file or a folder; else Python's own library");
  app.add_option("--runs", runs, "Where runs are kept")->capture_default_str();
  app.footer(
      "Examples:\n"
      "  axs run scenarios/three-continents.toml\n"
      "  axs run scenarios/three-continents.toml --data book.txt");
}

Result<ExitCode> RunCommand::run() {
  catalog::Scenario scenario = AXS_TRY(job.read());
  if (!data.empty()) AXS_TRY(check_corpus(data, "--data"));
  if (!data.empty()) data = std::filesystem::absolute(data).string();
  AXS_TRY(plan_links(scenario));  // What is wrong with the sky is said before anything starts.
  const std::string base = std::filesystem::absolute(runs).lexically_normal().string();
  const live::RunFolder folder{base + "/" + new_run_id(scenario.name)};
  const live::RunPlan plan = AXS_TRY(live::create_run(folder, std::move(scenario), data));
  fmt::print("run {}\n", folder.path);
  if (!plan.scenario.faults.empty())
    fmt::print("the faults of the scenario are not inflicted: live runs cannot do that yet\n");
  ControllerRecord record = AXS_TRY(ControllerRecord::open(folder, plan));
  for (const auto& fact : opening_facts(plan.scenario, "live", own_command()))
    AXS_TRY(record.note(fact));
  Supervisor supervisor{folder, plan};
  AXS_TRY(supervisor.start());
  const bool done = AXS_TRY(supervisor.watch());
  const auto* finished = supervisor.view().last<catalog::SiteFinished>();
  if (done && finished != nullptr) AXS_TRY(record.note(catalog::RunFinished{finished->tokens}));
  AXS_TRY(write_report(folder.path, folder.path + "/report.html"));
  fmt::print("{}", outcome_text(folder, supervisor.view()));
  return done ? ExitCode::done : ExitCode::failed;
}

void AgentCommand::declare(CLI::App& app) {
  app.add_option("folder", folder, "The folder of the run")->required();
  app.add_option("--site", site, "The name of the site")->required();
}

Result<ExitCode> AgentCommand::run() {
  const live::RunFolder run{folder};
  const live::RunPlan plan = AXS_TRY(live::load_run(run));
  for (std::uint32_t i = 0; i < plan.scenario.sites.size(); ++i) {
    if (plan.scenario.sites[i].name != site) continue;
    auto config = AXS_TRY(live::agent_config(run, plan, SiteId{i}, worker_program()));
    AXS_TRY(live::run_agent(std::move(config)));
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
  const live::UnderlayStats stats =
      AXS_TRY(live::run_underlay_until_signal(live::underlay_config(plan, links)));
  const std::string text = live::to_json(stats) + "\n";
  AXS_TRY(host::write_file_atomically(
      run.underlay_stats(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
      host::FileAccess::everyone));
  return ExitCode::done;
}

}  // namespace axs::cli
