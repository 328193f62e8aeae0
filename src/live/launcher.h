#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "axs/fabric/active_faults.h"
#include "axs/host/lock.h"
#include "axs/host/loop.h"
#include "axs/host/signals.h"
#include "axs/live/control.h"
#include "axs/live/event_log.h"
#include "axs/live/fault_injector.h"
#include "axs/live/metrics_file.h"
#include "axs/live/process_keeper.h"
#include "axs/live/run_plan.h"
#include "axs/live/run_state.h"

namespace axs::live {

/// Keeps the processes of a run going until the job is finished: starts what does not run, starts
/// again what was killed, inflicts the faults of the scenario. The run does not need it: it may be
/// killed and another one opened later, which finds everything again.
class Launcher {
 public:
  enum class Start { fresh, resumed };
  enum class Outcome { finished, failed, stopped };

  struct Config {
    RunFolder folder;
    RunPlan plan;
    std::string program;  ///< The path of axs.
    Start start = Start::fresh;
    Duration look_every = milliseconds(200);
    std::function<void(Launcher&)> look{};           ///< Called now and then, for a view.
    std::function<void(const std::string&)> tell{};  ///< One line about what went wrong.
  };

  /// How long a killed agent stays dead, and a killed controller, which nobody waits for: a person
  /// would start it again.
  static constexpr Duration agent_restart = seconds(1);
  static constexpr Duration controller_restart = seconds(60);

  /// Errc::unavailable if another launcher has the run.
  static Result<std::unique_ptr<Launcher>> open(Config config);
  Launcher(const Launcher&) = delete;
  ~Launcher();

  /// Until all sites have finished, or SIGINT or SIGTERM has ended them: the first asks the sites
  /// to save and end, the second kills everything. Errors are those of this machine: no program, no
  /// disk.
  Result<Outcome> run();
  /// As a SIGINT would; on the thread of run().
  void interrupt() { on_signal(SIGINT); }

  /// As the processes of this run have it: a resumed run may have another clock.
  const RunPlan& plan() const { return config_.plan; }

 private:
  Launcher(Config config, host::FileLock lock, RunState state, EventLog log);
  Result<> prepare();
  Result<> make_loop();
  Result<bool> attach_all();
  Result<> start_all();
  Result<> connect();

  ProcessKeeper::Program underlay() const;
  ProcessKeeper::Program controller(std::uint64_t term) const;
  ProcessKeeper::Program agent(SiteId site) const;
  void start(const ProcessKeeper::Program& program);
  void start_controller();
  void start_later(Duration delay, std::function<void()> start);

  void on_end(const std::string& name, std::optional<host::Exit> exit);
  void on_agent_end(SiteId site, std::optional<host::Exit> exit);
  void on_signal(int number);
  void conclude_if_done();
  void look();
  void keep_house();

  // What faults do.
  std::string inflict(std::uint32_t fault);
  std::string inflict(const catalog::CutLink& cut);
  std::string inflict(const catalog::SlowSite& slow);
  std::string inflict(const catalog::KillProcess& kill);
  void heal(std::uint32_t fault);
  void greet_underlay();
  /// False if the agent does not run; it is greeted when it does.
  bool greet_agent(SiteId site);
  Result<> hear(ByteView record);

  void note(const catalog::Fact& fact);
  void fail(Error error);
  /// Where there is no link there is nothing to emulate.
  bool emulates() const { return !config_.plan.scenario.links.empty(); }
  std::size_t site_count() const { return config_.plan.scenario.sites.size(); }
  const std::string& site_name(SiteId site) const {
    return config_.plan.scenario.sites[site.value].name;
  }

  Config config_;
  host::FileLock lock_;
  RunState state_;
  EventLog log_;
  std::unique_ptr<host::Loop> loop_;
  std::optional<ProcessKeeper> processes_;
  std::unique_ptr<MetricsFile> metrics_;
  std::unique_ptr<FaultInjector> faults_;
  std::unique_ptr<ControlClient> to_underlay_;             ///< Null where nothing is emulated.
  std::vector<std::unique_ptr<ControlClient>> to_agents_;  ///< By site.

  fabric::ActiveFaults active_;    ///< Now, as the script wants it.
  std::set<SiteId> agents_ended_;  ///< For good.
  std::uint64_t merged_ = 0;
  host::Cancellation cancellation_;
  bool failed_ = false;
  bool concluding_ = false;
  std::optional<Error> error_;
};

}  // namespace axs::live
