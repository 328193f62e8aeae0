#include "axs/cli/emulate.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "axs/cli/emulate_plan.h"
#include "axs/cli/rows.h"
#include "axs/cli/screen.h"
#include "axs/cli/terminal.h"
#include "axs/config/quantity.h"
#include "axs/host/lock.h"
#include "axs/host/signals.h"
#include "axs/live/netns.h"
#include "axs/live/site_program.h"

namespace axs::cli {
namespace {

using Json = nlohmann::ordered_json;

/// So long the sky is worked out where nobody says how long it lasts; then it stands still.
constexpr Duration horizon_unstated = seconds(600);
constexpr Duration look_every = seconds(1);
/// For the program to end when it is told to.
constexpr int grace_ms = 5'000;

double mega(std::uint64_t bytes) {
  return static_cast<double>(bytes) * 1e-6;
}

/// One emulator in this process at work: on a thread of its own, while this one waits.
class Working {
 public:
  explicit Working(live::Underlay& underlay)
      : underlay_{underlay}, thread_{[this] { stats_ = underlay_.run(); }} {}
  ~Working() { stop(); }
  live::UnderlayStats stop() {
    underlay_.stop();
    if (thread_.joinable()) thread_.join();
    return stats_;
  }

 private:
  live::Underlay& underlay_;
  live::UnderlayStats stats_;
  std::thread thread_;
};

/// The line on a terminal that says how things stand.
class StatusLine {
 public:
  void show(const live::UnderlayStats& stats) {
    if (!screen_.is_terminal()) return;
    std::uint64_t bytes = 0, lost = 0;
    for (const live::DirectionStats& direction : stats.directions) {
      bytes += direction.pipe.delivered_bytes;
      lost += direction.pipe.offered - direction.pipe.delivered;
    }
    const double passed = (stats.ran - shown_at_).seconds();
    const double rate = passed > 0 ? mega(bytes - bytes_) * 8 / passed : 0;
    screen_.draw({}, {{fmt::format("{:.0f} s  {:.2f} Mb/s now  {:.1f} MB in all  {} packets lost  "
                                   "late by {:.2f} ms at p99",
                                   stats.ran.seconds(), rate, mega(bytes), lost,
                                   stats.error.p99.seconds() * 1e3)}});
    bytes_ = bytes;
    shown_at_ = stats.ran;
  }

 private:
  Screen screen_{stderr};
  std::uint64_t bytes_ = 0;
  Duration shown_at_{};
};

const std::string& site_name(const Emulation& emulation, SiteId site) {
  return emulation.scenario.sites[site.value].name;
}

Rows opened_sites(const Emulation& emulation) {
  Rows rows{{{"site", "SITE"}, {"namespace", "NAMESPACE"}, {"address", "ADDRESS"}}, {}};
  for (const live::TunSite& site : emulation.underlay.tun_sites)
    rows.rows.push_back({site_name(emulation, site.site), site.netns, site.address});
  return rows;
}

/// By address in namespaces, else by port.
Rows opened_links(const Emulation& emulation, const live::Underlay& underlay) {
  const bool ports = emulation.underlay.tun_sites.empty();
  Rows rows{{{"link", "LINK"},
             {"a", "SITE A"},
             {"a_end", ports ? "A SENDS TO" : "A IS"},
             {"b", "SITE B"},
             {"b_end", ports ? "B SENDS TO" : "B IS"}},
            {}};
  const auto end = [&](const live::UnderlayLink& link, SiteId site, const std::string& address) {
    return ports ? fmt::format("127.0.0.1:{}", underlay.port(link.id, site)) : address;
  };
  for (const live::UnderlayLink& link : emulation.underlay.links)
    rows.rows.push_back({link.name, site_name(emulation, link.a), end(link, link.a, link.a_address),
                         site_name(emulation, link.b), end(link, link.b, link.b_address)});
  return rows;
}

Rows carried(const Emulation& emulation, const live::UnderlayStats& stats) {
  Rows rows{{{"link", "LINK"},
             {"from", "FROM"},
             {"to", "TO"},
             {"packets", "PACKETS"},
             {"megabytes", "MB"},
             {"lost", "LOST"},
             {"no_room", "NO ROOM"},
             {"late_p99_ms", "LATE p99 [ms]"}},
            {}};
  for (const live::DirectionStats& direction : stats.directions) {
    const net::PipeCounters& pipe = direction.pipe;
    rows.rows.push_back(
        {direction.link, site_name(emulation, direction.from), site_name(emulation, direction.to),
         static_cast<std::int64_t>(pipe.offered), Decimal{mega(pipe.delivered_bytes), 2},
         static_cast<std::int64_t>(pipe.offered - pipe.delivered - pipe.corrupted),
         static_cast<std::int64_t>(direction.no_memory + direction.kernel_dropped),
         Decimal{direction.error.p99.seconds() * 1e3, 3}});
  }
  return rows;
}

/// What a person or, in one line each, a program is told: that also at what CLOCK_MONOTONIC shows
/// the links began.
void tell(const Emulation& emulation, const Rows& rows, const char* name, bool json) {
  std::string text = RowsFormat{.json = json}.text(rows, name);
  if (json) {
    Json object = Json::parse(text);
    object["epoch_ns"] = emulation.underlay.epoch->ns;
    text = object.dump() + "\n";
  }
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// Waits for a signal, the end of the time or that of the program; shows how things stand.
struct Wait {
  live::Underlay& underlay;
  host::SignalFd& signals;
  std::optional<Duration> lasts;
  live::SiteProgram* program = nullptr;

  /// The exit status of the program, 0 where there is none.
  int until_end() {
    StatusLine line;
    const Instant begun{live::monotonic_ns()};
    for (;;) {
      const Duration passed = Instant{live::monotonic_ns()} - begun;
      if (lasts && passed >= *lasts) return ended(SIGTERM);
      pollfd watched[]{{signals.fd(), POLLIN, 0}, {program ? program->fd() : -1, POLLIN, 0}};
      const Duration wait = lasts ? std::min(look_every, *lasts - passed) : look_every;
      (void)poll(watched, std::size(watched), static_cast<int>(wait.ns / 1'000'000 + 1));
      if (watched[1].revents != 0) return program->wait();
      while (const auto signal = signals.next())
        if (!program || *signal != SIGINT)
          return ended(*signal);  // It has Ctrl-C from the terminal.
      if (!program) line.show(underlay.stats());
    }
  }

 private:
  int ended(int signal) {
    if (!program) return 0;
    program->signal(signal);
    pollfd watched{program->fd(), POLLIN, 0};
    if (poll(&watched, 1, grace_ms) <= 0) program->kill();
    return program->wait();
  }
};

/// Sites are reached by their names too, wherever the system allows such a file.
void name_sites(const Emulation& emulation) {
  std::string lines;
  for (const live::TunSite& site : emulation.underlay.tun_sites)
    lines += site.address + " " + site_name(emulation, site.site) + "\n";
  for (const live::TunSite& site : emulation.underlay.tun_sites)
    if (const auto written = live::write_hosts(site.netns, lines); !written)
      return print_error(written.error().what + "; sites have addresses, but no names");
}

/// Held by the one `axs emulate` that has namespaces; it removes what a killed one has left.
Result<host::FileLock> own_namespaces() {
  if (geteuid() != 0)
    return Error{Errc::unavailable,
                 "emulate: network namespaces need root; without it use --ports"};
  auto lock = host::FileLock::acquire("/run/axs-emulate.lock");
  if (!lock)
    return Error{Errc::unavailable, "emulate: another axs emulate has the namespaces (" +
                                        lock.error().what + "); end it, or use --ports"};
  live::remove_namespaces(emulate_prefix);
  return lock;
}

}  // namespace

void EmulateCommand::declare(CLI::App& app) {
  job.declare(app);
  app.get_option("scenario")->required(false);
  app.add_option("--trace", trace,
                 "DELAY,CAPACITY: a measured link between sites a and b, over and over: "
                 "milliseconds per 10 ms, and Mb/s over time or a mahimahi trace");
  app.add_option("--duration", duration, "End after so long, like 90s; by default at Ctrl-C");
  CLI::Option* in = app.add_option("--in", site, "The site in which COMMAND runs");
  CLI::Option* no_root = app.add_flag(
      "--ports", ports, "No root: UDP ports on 127.0.0.1 instead of network namespaces");
  app.add_option("--first-port", first_port, "The first of the ports; by default any that are free")
      ->needs(no_root);
  in->excludes(no_root);
  app.add_flag("--json", json, "Print JSON, one object per line");
  app.add_option("program", program, "After --: a command to run while the links are there");
  app.footer(
      "Examples:\n"
      "  axs emulate scenarios/three-continents.toml\n"
      "  axs emulate scenarios/three-continents.toml --in sfo -- ping -c 5 fra\n"
      "  axs emulate --trace delay.txt,capacity.csv --in a -- iperf3 -c 10.77.0.2\n"
      "  axs emulate scenarios/three-continents.toml --ports --first-port 40000 --duration 60s\n"
      "\n"
      "In every namespace the other sites have the addresses of the table, and their names; over "
      "a\nlink's own addresses packets take that link. A site that no link joins to another cannot "
      "reach it.\n"
      "With --ports whoever sends to one end of a link is that site, and gets what the other "
      "sends.");
}

Result<Emulation> EmulateCommand::plan(std::optional<Duration> lasts) const {
  if (!trace.empty()) return measured_link(trace);
  if (job.scenario.empty())
    return Error{Errc::invalid, "emulate: no scenario, want a TOML file or --trace"};
  const catalog::Scenario scenario = AXS_TRY(job.read());
  auto links = AXS_TRY(plan_links(scenario, lasts.value_or(horizon_unstated)));
  return emulation_of(scenario, std::move(links));
}

/// Where the program runs: empty for here.
Result<std::string> EmulateCommand::program_netns(const Emulation& emulation) const {
  if (site.empty()) return std::string{};
  std::string known;
  for (const live::TunSite& opened : emulation.underlay.tun_sites) {
    const std::string& name = site_name(emulation, opened.site);
    if (name == site) return opened.netns;
    known += (known.empty() ? "" : ", ") + name;
  }
  return Error{Errc::invalid, "--in: no site is called \"" + site + "\", want one of " + known};
}

Result<ExitCode> EmulateCommand::run() {
  (void)signal(SIGPIPE, SIG_IGN);  // Otherwise it would leave the namespaces alone.
  std::optional<Duration> lasts;
  if (!duration.empty()) {
    const auto stated = config::parse_duration(duration);
    if (!stated || *stated <= Duration{})
      return Error{Errc::invalid, "--duration: \"" + duration + "\", want a time such as 90s"};
    lasts = *stated;
  }
  // The parser takes the first word behind -- for the scenario that there is none of.
  if (!trace.empty() && !job.scenario.empty())
    program.insert(program.begin(), std::exchange(job.scenario, {}));
  if (!site.empty() && program.empty())
    return Error{Errc::invalid, "--in: no command to run there, want it after --"};
  Emulation emulation = AXS_TRY(plan(lasts));
  std::optional<host::FileLock> lock;
  if (!ports) lock.emplace(AXS_TRY(own_namespaces()));
  AXS_TRY(ports ? use_ports(emulation, first_port) : use_namespaces(emulation));
  const std::string netns = AXS_TRY(program_netns(emulation));
  auto signals = AXS_TRY(host::SignalFd::create());
  emulation.underlay.epoch = Instant{live::monotonic_ns()};
  const auto underlay = AXS_TRY(live::Underlay::open(emulation.underlay));
  name_sites(emulation);
  std::optional<live::SiteProgram> child;
  if (!program.empty()) child.emplace(AXS_TRY(live::SiteProgram::start(netns, program)));
  Working working{*underlay};
  if (!child && !ports) tell(emulation, opened_sites(emulation), "sites", json);
  if (!child) tell(emulation, opened_links(emulation, *underlay), "links", json);
  if (emulation.faults_left_out > 0)
    print_error(
        fmt::format("faults of the scenario that are left out: {}; only cuts at a stated time "
                    "happen without a job",
                    emulation.faults_left_out));
  Wait wait{*underlay, signals, lasts, child ? &*child : nullptr};
  const int status = wait.until_end();
  const live::UnderlayStats stats = working.stop();
  if (!child) tell(emulation, carried(emulation, stats), "carried", json);
  return static_cast<ExitCode>(status);
}

}  // namespace axs::cli
