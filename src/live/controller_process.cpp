#include "axs/live/controller_process.h"

#include <unistd.h>

#include <map>

#include "axs/fabric/gradient_demands.h"
#include "axs/fabric/link_plan.h"
#include "axs/fabric/story.h"
#include "axs/host/signals.h"
#include "axs/live/control.h"
#include "axs/live/metrics_file.h"
#include "axs/net/controller.h"

namespace axs::live {

namespace {

/// Without a home agent for so long, the run is over, or dead.
constexpr Duration patience = seconds(30);
/// Routes are measured with every report, once a second and more; the record needs fewer.
constexpr Duration note_routes_every = seconds(2);

class ControllerProcess {
 public:
  ControllerProcess(const RunFolder& folder, const RunPlan& plan, std::uint64_t term,
                    std::unique_ptr<host::Loop> loop, EventLog log)
      : plan_{plan},
        term_{term},
        topology_{fabric::topology_of(plan.scenario)},
        loop_{std::move(loop)},
        log_{std::move(log)},
        metrics_{*loop_,
                 {folder.metrics("controller"), "controller", plan.run},
                 [this](catalog::Metrics& metrics) { measure(metrics); }},
        controller_{{.topology = topology_,
                     .term = term,
                     .gradients = fabric::gradient_demands(plan.scenario)}},
        home_{*loop_,
              control_path(folder.site(plan.scenario.sites.front().name)),
              {.connected = [this] { greet(); },
               .record = [this](ByteView record) { return hear(record); },
               .lost = [this] { give_up_later(); }}} {
    give_up_later();
  }

  Result<> run(host::SignalFd& signals) {
    AXS_TRY(loop_->watch(signals.fd(), host::Interest::readable, [&](host::Ready) {
      while (signals.next()) loop_->stop();
    }));
    note(catalog::ControllerStarted{term_, ::getpid()});
    AXS_TRY(loop_->run());
    loop_->unwatch(signals.fd());
    if (failure_) return *failure_;
    return Ok{};
  }

 private:
  void greet() {
    if (giving_up_) loop_->cancel(*giving_up_);
    giving_up_.reset();
    home_.send(to_wire(ToAgent{ControllerHere{term_}}));
  }
  void give_up_later() {
    giving_up_ = loop_->after(patience, [this] { loop_->stop(); });
  }

  Result<> hear(ByteView record) {
    const auto message = AXS_TRY(from_wire<FromAgent>(record, "control"));
    const auto* report = std::get_if<net::LinkReport>(&message);
    if (report == nullptr) return Ok{};
    std::vector<net::Controller::Action> actions;
    controller_.step(loop_->now(), net::ReportReceived{*report}, actions);
    for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
    note_route(*report);
    return Ok{};
  }

  void perform(const net::RouteOrder& order) { home_.send(to_wire(ToAgent{order})); }
  void perform(const net::RouteChanged& change) {
    note(fabric::route_ordered(plan_.scenario, topology_, change));
  }
  void perform(const net::LeaseGranted& lease) {
    note(fabric::lease_granted(plan_.scenario, topology_, lease));
  }
  void perform(const net::Superseded& by) {
    note(catalog::ControllerSuperseded{term_, by.term});
    loop_->stop();
  }

  void note_route(const net::LinkReport& report) {
    Instant& noted = routes_noted_[{report.from, report.to}];
    if (loop_->now() - noted < note_routes_every) return;
    const auto fact = fabric::route_measured(plan_.scenario, topology_, report);
    if (!fact) return;
    noted = loop_->now();
    note(*fact);
  }

  void measure(catalog::Metrics& metrics) const {
    metrics.set(catalog::metric("axs_process_facts_left_out_total"), {"controller"},
                static_cast<double>(log_.left_out()));
  }
  void note(const catalog::Fact& fact) {
    metrics_.count(fact);
    const Result<> written = log_.write({plan_.run, "", loop_->now()}, fact);
    if (written) return;
    failure_ = written.error();
    loop_->stop();
  }

  const RunPlan& plan_;
  std::uint64_t term_;
  net::Topology topology_;
  std::unique_ptr<host::Loop> loop_;
  EventLog log_;
  MetricsFile metrics_;
  net::Controller controller_;
  ControlClient home_;
  std::optional<host::TimerId> giving_up_;
  std::map<std::pair<SiteId, SiteId>, Instant> routes_noted_;
  std::optional<Error> failure_;
};

}  // namespace

Result<> run_controller(const RunFolder& folder, const RunPlan& plan, std::uint64_t term) {
  auto signals = AXS_TRY(host::SignalFd::create());
  auto loop = AXS_TRY(host::Loop::create(host::RunClock::resume(plan.clock, {})));
  EventLog log = AXS_TRY(EventLog::open(folder.events()));
  ControllerProcess controller{folder, plan, term, std::move(loop), std::move(log)};
  return controller.run(signals);
}

}  // namespace axs::live
