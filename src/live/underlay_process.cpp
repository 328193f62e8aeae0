#include "axs/live/underlay_process.h"

#include <algorithm>
#include <array>
#include <set>
#include <thread>

#include "axs/host/file.h"
#include "axs/host/lock.h"
#include "axs/host/signals.h"
#include "axs/live/control.h"
#include "axs/live/metrics_file.h"

namespace axs::live {

namespace {

constexpr Duration note_traffic_every = seconds(1);

/// What goes on beside the emulation, on a thread of its own: commands, signals, the record.
class Attendant {
 public:
  /// What belongs to the emulation and outlives this.
  struct Subject {
    const RunPlan& plan;
    const std::vector<fabric::LinkPlan>& links;
    Underlay& underlay;
  };
  static Result<std::unique_ptr<Attendant>> open(const RunFolder& folder, const Subject& subject,
                                                 host::SignalFd& signals) {
    auto loop = AXS_TRY(host::Loop::create(host::RunClock::resume(subject.plan.clock, {})));
    EventLog log = AXS_TRY(EventLog::open(folder.events()));
    std::unique_ptr<Attendant> attendant{new Attendant{subject, std::move(loop), std::move(log)}};
    attendant->metrics_ = std::make_unique<MetricsFile>(
        *attendant->loop_,
        MetricsFile::Config{folder.metrics("underlay"), "underlay", subject.plan.run},
        [a = attendant.get()](catalog::Metrics& metrics) { a->measure(metrics); });
    AXS_TRY(attendant->watch(folder, signals));
    return attendant;
  }
  ~Attendant() {
    loop_->stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  Attendant(const Subject& subject, std::unique_ptr<host::Loop> loop, EventLog log)
      : plan_{subject.plan},
        links_{subject.links},
        underlay_{subject.underlay},
        loop_{std::move(loop)},
        log_{std::move(log)} {}

  Result<> watch(const RunFolder& folder, host::SignalFd& signals) {
    AXS_TRY(loop_->watch(signals.fd(), host::Interest::readable, [this, &signals](host::Ready) {
      while (signals.next()) underlay_.stop();
    }));
    server_ = AXS_TRY(ControlServer::open(
        *loop_, folder.underlay_socket(),
        {.connected = [](ControlServer::PeerNumber) {},
         .record = [this](ControlServer::PeerNumber, ByteView record) { return obey(record); },
         .gone = [](ControlServer::PeerNumber) {}}));
    note_later();
    thread_ = std::thread{[this] { (void)loop_->run().has_value(); }};
    return Ok{};
  }

  Result<> obey(ByteView record) {
    const auto order = AXS_TRY(from_wire<ToUnderlay>(record, "command"));
    if (const auto* cut = std::get_if<CutLink>(&order)) cut_.insert(cut->link);
    if (const auto* heal = std::get_if<HealLink>(&order)) cut_.erase(heal->link);
    return std::visit([this](const auto& held) { return underlay_.post(held); }, order);
  }

  void note_later() {
    loop_->after(note_traffic_every, [this] {
      note_traffic();
      note_later();
    });
  }
  /// A full disk takes nothing from the packets: then there is no record.
  void note_traffic() {
    const Duration now = loop_->now() - Instant{};
    const UnderlayStats stats = underlay_.stats();
    for (std::size_t i = 0; i < stats.directions.size(); ++i) {
      const DirectionStats& direction = stats.directions[i];
      const net::PipeCounters& pipe = direction.pipe;
      const fabric::LinkPlan& link = links_[i / 2];
      const fabric::Wire wire = fabric::wire_at(link, i % 2 == 1, now);
      const catalog::LinkTraffic fact{.link = direction.link,
                                      .from = plan_.scenario.sites[direction.from.value].name,
                                      .to = plan_.scenario.sites[direction.to.value].name,
                                      .bytes = pipe.offered_bytes,
                                      .packets = pipe.offered,
                                      .lost = pipe.offered - pipe.delivered,
                                      .one_way = wire.one_way,
                                      .up = wire.up && !cut_.contains(link.id)};
      metrics_->count(fact);
      (void)log_.write({plan_.run, "", loop_->now()}, fact).has_value();
    }
  }

  void measure(catalog::Metrics& metrics) {
    using catalog::metric;
    const UnderlayStats stats = underlay_.stats();
    for (const DirectionStats& direction : stats.directions) measure(metrics, direction);
    const ReleaseError& error = stats.error;
    const std::array quantiles{catalog::Metrics::Quantile{0.5, error.p50.seconds()},
                               catalog::Metrics::Quantile{0.99, error.p99.seconds()},
                               catalog::Metrics::Quantile{1, error.max.seconds()}};
    metrics.set(metric("axs_underlay_release_error_seconds"),
                {quantiles, error.sum.seconds(), error.packets});
    metrics.set(metric("axs_process_facts_left_out_total"), {"underlay"},
                static_cast<double>(log_.left_out()));
  }
  void measure(catalog::Metrics& metrics, const DirectionStats& direction) const {
    using catalog::metric;
    const std::string& from = plan_.scenario.sites[direction.from.value].name;
    const std::string& to = plan_.scenario.sites[direction.to.value].name;
    metrics.set(metric("axs_underlay_in_flight_packets"), {direction.link, from, to},
                static_cast<double>(direction.in_flight));
    const std::pair<const char*, std::uint64_t> reasons[]{
        {"no_memory", direction.no_memory},
        {"no_peer", direction.no_peer},
        {"refused", direction.refused},
        {"not_read_in_time", direction.kernel_dropped}};
    for (const auto& [reason, count] : reasons)
      metrics.set(metric("axs_underlay_dropped_packets_total"), {direction.link, from, to, reason},
                  static_cast<double>(count));
  }

  const RunPlan& plan_;
  const std::vector<fabric::LinkPlan>& links_;  ///< In the order of the emulator's directions.
  Underlay& underlay_;
  std::unique_ptr<host::Loop> loop_;
  EventLog log_;
  std::unique_ptr<MetricsFile> metrics_;
  std::unique_ptr<ControlServer> server_;
  std::set<LinkId> cut_;
  std::thread thread_;
};

}  // namespace

Result<> run_underlay_process(const RunFolder& folder, const RunPlan& plan,
                              const std::vector<fabric::LinkPlan>& links) {
  auto signals = AXS_TRY(host::SignalFd::create());
  const auto lock = AXS_TRY(host::FileLock::acquire(folder.lock("underlay")));
  UnderlayConfig config = underlay_config(plan, links);
  // The sky goes on with the clock of the run, whenever the emulator is started.
  const host::RunClock clock = host::RunClock::resume(plan.clock, {});
  config.epoch = Instant{monotonic_ns()} - (clock.now() - Instant{});
  const auto underlay = AXS_TRY(Underlay::open(std::move(config)));
  UnderlayStats stats;
  {
    const auto attendant = AXS_TRY(Attendant::open(folder, {plan, links, *underlay}, signals));
    stats = underlay->run();
  }
  const std::string text = to_json(stats) + "\n";
  return host::write_file_atomically(
      folder.underlay_stats(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
      host::FileAccess::everyone);
}

}  // namespace axs::live
