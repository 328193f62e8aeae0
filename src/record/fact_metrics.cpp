#include "axs/record/fact_metrics.h"

namespace axs::record {

namespace {

using catalog::metric;

/// By kind of fact; the last one takes those that nothing is counted of.
struct Counting {
  catalog::Metrics& metrics;

  void operator()(const catalog::ProcessStarted& fact) {
    metrics.add(metric("axs_run_process_starts_total"), {fact.process}, 1);
  }
  void operator()(const catalog::ProcessLost& fact) {
    metrics.add(metric("axs_run_process_losses_total"), {fact.process}, 1);
  }
  void operator()(const catalog::FaultBegan& fact) {
    metrics.add(metric("axs_run_faults_total"), {fact.kind}, 1);
  }
  void operator()(const catalog::ControllerStarted& fact) {
    metrics.set(metric("axs_controller_term"), {}, static_cast<double>(fact.term));
  }
  void operator()(const catalog::RouteOrdered& fact) {
    metrics.add(metric("axs_controller_orders_total"), {fact.from, fact.to, fact.traffic}, 1);
  }
  void operator()(const catalog::RouteMeasured& fact) {
    metrics.set(metric("axs_controller_route_rtt_seconds"), {fact.from, fact.to},
                fact.rtt.seconds());
    metrics.set(metric("axs_controller_route_loss_ratio"), {fact.from, fact.to}, fact.loss);
  }
  void operator()(const catalog::LeaseGranted& fact) {
    BytesPerSecond rate;
    for (const catalog::LeasedPath& path : fact.paths) rate = rate + path.rate;
    metrics.set(metric("axs_controller_leased_bytes_per_second"), {fact.from, fact.to},
                rate.value());
  }
  void operator()(const catalog::LinkTraffic& fact) {
    const auto put = [&](catalog::MetricId id, auto value) {
      metrics.set(id, {fact.link, fact.from, fact.to}, static_cast<double>(value));
    };
    put(metric("axs_underlay_offered_packets_total"), fact.packets);
    put(metric("axs_underlay_offered_bytes_total"), fact.bytes);
    put(metric("axs_underlay_lost_packets_total"), fact.lost);
    put(metric("axs_underlay_link_up"), fact.up);
  }
  void operator()(const catalog::SiteStarted& fact) {
    metrics.set(metric("axs_agent_incarnation"), {}, fact.incarnation);
  }
  void operator()(const catalog::SessionUp& fact) {
    metrics.add(metric("axs_session_starts_total"), {fact.peer}, 1);
    metrics.set(metric("axs_session_up"), {fact.peer}, 1);
  }
  void operator()(const catalog::SessionLost& fact) {
    metrics.set(metric("axs_session_up"), {fact.peer}, 0);
  }
  void operator()(const catalog::HandshakeFailed& fact) {
    metrics.add(metric("axs_session_failures_total"), {fact.peer}, 1);
  }
  void operator()(const catalog::PeerMisbehaved& fact) {
    metrics.add(metric("axs_session_misbehaviours_total"), {fact.peer}, 1);
  }
  void operator()(const catalog::PathUp& fact) {
    metrics.set(metric("axs_path_up"), {fact.peer, fact.path}, 1);
  }
  void operator()(const catalog::PathDown& fact) {
    metrics.set(metric("axs_path_up"), {fact.peer, fact.path}, 0);
  }
  void operator()(const catalog::RouteChanged& fact) {
    metrics.add(metric("axs_route_changes_total"), {fact.peer, fact.traffic, fact.reason}, 1);
  }
  void operator()(const catalog::HandoverKept& fact) {
    metrics.add(metric("axs_handovers_kept_total"), {fact.peer, fact.path}, 1);
  }
  void operator()(const catalog::LeaseLost& fact) {
    metrics.add(metric("axs_leases_lost_total"), {fact.peer}, 1);
  }
  void operator()(const catalog::Contributed& fact) {
    metrics.add(metric("axs_sync_contributions_total"), {}, 1);
    metrics.add(metric("axs_sync_contribution_bytes_total"), {}, static_cast<double>(fact.bytes));
  }
  void operator()(const catalog::ContributionSent& fact) {
    metrics.add(metric("axs_sync_sent_bytes_total"), {fact.peer}, static_cast<double>(fact.bytes));
  }
  void operator()(const catalog::SyncClosed& fact) {
    metrics.add(metric("axs_sync_closed_total"), {}, 1);
    metrics.observe(metric("axs_sync_wait_seconds"), fact.waited.seconds());
  }
  void operator()(const catalog::SyncApplied&) {
    metrics.add(metric("axs_sync_applied_total"), {}, 1);
  }
  void operator()(const catalog::Diverged&) {
    metrics.add(metric("axs_sync_diverged_total"), {}, 1);
  }
  void operator()(const catalog::WorkerStarted&) {
    metrics.add(metric("axs_worker_starts_total"), {}, 1);
  }
  void operator()(const catalog::WorkerReady&) { metrics.set(metric("axs_worker_up"), {}, 1); }
  void operator()(const catalog::WorkerLost&) { metrics.set(metric("axs_worker_up"), {}, 0); }
  void operator()(const catalog::Progress& fact) {
    metrics.set(metric("axs_worker_steps_total"), {}, static_cast<double>(fact.steps));
    metrics.set(metric("axs_worker_tokens_total"), {}, static_cast<double>(fact.tokens));
    metrics.set(metric("axs_worker_step_seconds"), {}, fact.step_time.seconds());
    metrics.set(metric("axs_worker_loss"), {}, fact.loss);
  }
  void operator()(const catalog::Evaluated& fact) {
    metrics.set(metric("axs_worker_validation_loss"), {}, fact.loss);
  }
  template <class Other>
  void operator()(const Other&) {}
};

}  // namespace

void count_fact(catalog::Metrics& metrics, const catalog::Fact& fact) {
  std::visit(Counting{metrics}, fact);
}

}  // namespace axs::record
