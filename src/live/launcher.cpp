#include "axs/live/launcher.h"

#include <algorithm>
#include <utility>

#include "axs/live/site_stage.h"
#include "axs/live/underlay_process.h"

namespace axs::live {

using namespace std::string_literals;

namespace {

constexpr const char* underlay_name = "underlay";
constexpr const char* controller_name = "controller";
/// Packets wait for the emulator.
constexpr Duration underlay_restart = milliseconds(200);
/// How far the clock of a run that was killed may have been ahead of what was noted of it.
constexpr Duration house_every = seconds(1);
constexpr std::size_t log_size_max = std::size_t{16} << 20;

}  // namespace

Result<std::unique_ptr<Launcher>> Launcher::open(Config config) {
  host::FileLock lock = AXS_TRY(host::FileLock::acquire(config.folder.lock("run")));
  RunState state = AXS_TRY(RunState::open(config.folder.state()));
  EventLog log = AXS_TRY(EventLog::open(config.folder.events()));
  std::unique_ptr<Launcher> launcher{
      new Launcher{std::move(config), std::move(lock), std::move(state), std::move(log)}};
  AXS_TRY(launcher->prepare());
  return launcher;
}

Launcher::Launcher(Config config, host::FileLock lock, RunState state, EventLog log)
    : config_{std::move(config)},
      lock_{std::move(lock)},
      state_{std::move(state)},
      log_{std::move(log)} {}

Launcher::~Launcher() = default;

/// Finds what runs, and settles the plan that everything started from now on reads.
Result<> Launcher::prepare() {
  for (std::uint32_t i = 0; i < site_count(); ++i)
    if (AXS_TRY(load_stage(config_.folder.site(site_name({i})))) == SiteStage::finished)
      agents_ended_.insert(SiteId{i});
  AXS_TRY(make_loop());
  if (config_.start == Start::fresh || AXS_TRY(attach_all())) return Ok{};
  const Instant clock = AXS_TRY(state_.clock()) + house_every;
  AXS_TRY(renew_run(config_.folder, config_.plan, clock));
  return make_loop();
}

Result<> Launcher::make_loop() {
  processes_.reset();
  loop_ = AXS_TRY(host::Loop::create(host::RunClock::resume(config_.plan.clock, {})));
  processes_.emplace(
      *loop_, state_,
      [this](const std::string& name, std::optional<host::Exit> exit) { on_end(name, exit); });
  return Ok{};
}

Result<bool> Launcher::attach_all() {
  bool found = AXS_TRY(processes_->attach(underlay()));
  for (std::uint32_t i = 0; i < site_count(); ++i)
    if (AXS_TRY(processes_->attach(agent({i})))) found = true;
  return AXS_TRY(processes_->attach(controller(0))) || found;
}

ProcessKeeper::Program Launcher::underlay() const {
  return {.name = underlay_name,
          .arguments = {config_.program, "underlay", config_.folder.path},
          .log = config_.folder.log(underlay_name),
          .lock = config_.folder.lock(underlay_name)};
}

/// It holds no lock: of two, the later one is obeyed.
ProcessKeeper::Program Launcher::controller(std::uint64_t term) const {
  return {.name = controller_name,
          .arguments = {config_.program, "controller", config_.folder.path, "--term",
                        std::to_string(term)},
          .log = config_.folder.log(controller_name)};
}

ProcessKeeper::Program Launcher::agent(SiteId site) const {
  const std::string& name = site_name(site);
  const auto& launchers = config_.plan.launchers;
  std::vector<std::string> words;
  if (!launchers.empty()) words = launchers.at(site.value);
  for (const std::string& word : {config_.program, "agent"s, config_.folder.path, "--site"s, name})
    words.push_back(word);
  return {.name = "agent of " + name,
          .arguments = std::move(words),
          .log = config_.folder.log(name),
          .lock = config_.folder.site(name) + "/lock"};
}

Result<Launcher::Outcome> Launcher::run() {
  auto signals = AXS_TRY(host::SignalFd::create());
  AXS_TRY(loop_->watch(signals.fd(), host::Interest::readable, [&](host::Ready) {
    while (const auto number = signals.next()) on_signal(*number);
  }));
  AXS_TRY(start_all());
  AXS_TRY(connect());
  look();
  keep_house();
  conclude_if_done();
  AXS_TRY(loop_->run());
  loop_->unwatch(signals.fd());
  if (error_) {
    processes_->signal_all(SIGTERM);
    return *error_;
  }
  if (cancellation_.state() != host::Cancel::none && agents_ended_.size() < site_count())
    return Outcome::stopped;
  if (failed_) return Outcome::failed;
  if (AXS_TRY(state_.phase()) != RunState::Phase::finished) {
    note(catalog::RunFinished{merged_});
    AXS_TRY(state_.note_phase(RunState::Phase::finished));
  }
  return Outcome::finished;
}

Result<> Launcher::start_all() {
  metrics_ = std::make_unique<MetricsFile>(
      *loop_, MetricsFile::Config{config_.folder.metrics("launcher"), "launcher", config_.plan.run},
      [this](catalog::Metrics& metrics) {
        metrics.set(catalog::metric("axs_run_merged_tokens"), {}, static_cast<double>(merged_));
        metrics.set(catalog::metric("axs_process_facts_left_out_total"), {"launcher"},
                    static_cast<double>(log_.left_out()));
      });
  if (config_.start == Start::fresh) AXS_TRY(state_.note_phase(RunState::Phase::running));
  if (agents_ended_.size() == site_count()) return Ok{};
  if (emulates() && !processes_->running(underlay_name)) start(underlay());
  for (std::uint32_t i = 0; i < site_count(); ++i) {
    const auto program = agent({i});
    if (!agents_ended_.contains({i}) && !processes_->running(program.name)) start(program);
  }
  if (!processes_->running(controller_name)) start_controller();
  return Ok{};
}

Result<> Launcher::connect() {
  faults_ =
      AXS_TRY(FaultInjector::open(*loop_, state_, config_.plan.scenario,
                                  {.begin = [this](std::uint32_t fault) { return inflict(fault); },
                                   .end = [this](std::uint32_t fault) { heal(fault); },
                                   .note = [this](const catalog::Fact& fact) { note(fact); },
                                   .fail = [this](Error error) { fail(std::move(error)); }}));
  if (emulates())
    to_underlay_ = std::make_unique<ControlClient>(
        *loop_, config_.folder.underlay_socket(),
        ControlClient::Callbacks{.connected = [this] { greet_underlay(); },
                                 .record = [](ByteView) -> Result<> { return Ok{}; },
                                 .lost = [] {}});
  for (std::uint32_t i = 0; i < site_count(); ++i)
    to_agents_.push_back(std::make_unique<ControlClient>(
        *loop_, control_path(config_.folder.site(site_name({i}))),
        ControlClient::Callbacks{.connected = [this, i] { greet_agent({i}); },
                                 .record = [this](ByteView record) { return hear(record); },
                                 .lost = [] {}}));
  return Ok{};
}

void Launcher::start(const ProcessKeeper::Program& program) {
  const auto pid = processes_->start(program);
  if (!pid) return fail(pid.error());
  note(catalog::ProcessStarted{program.name, *pid});
}

void Launcher::start_controller() {
  const auto term = state_.next_term();
  if (!term) return fail(term.error());
  start(controller(*term));
}

void Launcher::start_later(Duration delay, std::function<void()> start) {
  loop_->after(delay, [this, start = std::move(start)] {
    if (!concluding_ && cancellation_.state() == host::Cancel::none) start();
  });
}

void Launcher::on_end(const std::string& name, std::optional<host::Exit> exit) {
  const bool wanted = concluding_ || cancellation_.state() != host::Cancel::none;
  for (std::uint32_t i = 0; i < site_count(); ++i)
    if (agent({i}).name == name) return on_agent_end({i}, exit);
  if (!wanted) {
    const std::string how = exit ? host::describe(*exit) : "ended";
    note(catalog::ProcessLost{name, how});
    config_.tell(name + " " + how);
    if (name == controller_name) {
      start_later(controller_restart, [this] { start_controller(); });
    } else if (exit && exit->status != 0) {
      failed_ = true;  // It has said why; without it no packet arrives.
      config_.tell("see " + config_.folder.log(name));
      concluding_ = true;
      processes_->signal_all(SIGTERM);
    } else {
      start_later(underlay_restart, [this] { start(underlay()); });
    }
  }
  conclude_if_done();
}

void Launcher::on_agent_end(SiteId site, std::optional<host::Exit> exit) {
  const auto stage = load_stage(config_.folder.site(site_name(site)));
  const auto program = agent(site);
  const bool stopping = concluding_ || cancellation_.state() != host::Cancel::none;
  if (stage && *stage == SiteStage::finished) {
    agents_ended_.insert(site);
  } else if (exit && exit->status != 0) {
    config_.tell(program.name + " " + host::describe(*exit) + "; see " + program.log);
    failed_ = true;
    agents_ended_.insert(site);
  } else if (!stopping) {
    const std::string how = exit ? host::describe(*exit) : "ended";
    note(catalog::ProcessLost{program.name, how});
    config_.tell(program.name + " " + how + "; started again");
    start_later(agent_restart, [this, program] { start(program); });
  }
  conclude_if_done();
}

/// The emulator and the controller are of no use without agents.
void Launcher::conclude_if_done() {
  bool agents_run = false;
  for (std::uint32_t i = 0; i < site_count(); ++i)
    agents_run |= processes_->running(agent({i}).name);
  const bool over =
      agents_ended_.size() == site_count() || cancellation_.state() != host::Cancel::none;
  if (!concluding_ && over && !agents_run) {
    concluding_ = true;
    processes_->signal_all(SIGTERM);
  }
  if (concluding_ && !processes_->any_running()) loop_->stop();
}

void Launcher::on_signal(int number) {
  if (cancellation_.on_signal(number) == host::Cancel::abort) {
    processes_->signal_all(SIGKILL);
  } else {
    config_.tell("ending; once more to end at once");
    for (std::uint32_t i = 0; i < site_count(); ++i) processes_->signal(agent({i}).name, SIGTERM);
  }
  conclude_if_done();
}

void Launcher::look() {
  if (config_.look) config_.look(*this);
  loop_->after(config_.look_every, [this] { look(); });
}

/// What a later launcher must know of the time, and logs that do not fill the disk.
void Launcher::keep_house() {
  const Result<> noted = state_.note_clock(loop_->now());
  if (!noted) return fail(noted.error());
  std::vector<std::string> logs{config_.folder.log(underlay_name),
                                config_.folder.log(controller_name)};
  for (std::uint32_t i = 0; i < site_count(); ++i) {
    logs.push_back(config_.folder.log(site_name({i})));
    logs.push_back(config_.folder.site(site_name({i})) + "/worker.log");
  }
  for (const std::string& log : logs) (void)host::trim_log(log, log_size_max).has_value();
  loop_->after(house_every, [this] { keep_house(); });
}

void Launcher::note(const catalog::Fact& fact) {
  if (metrics_) metrics_->count(fact);
  const Result<> written = log_.write({config_.plan.run, "", loop_->now()}, fact);
  if (!written) fail(written.error());
}

void Launcher::fail(Error error) {
  if (!error_) error_ = std::move(error);
  loop_->stop();
}

}  // namespace axs::live
