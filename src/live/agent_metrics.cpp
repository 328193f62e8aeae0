#include "axs/fabric/link_plan.h"
#include "axs/live/agent.h"

/// What an agent counts besides the facts that it notes.
namespace axs::live {

using catalog::metric;

namespace {

double as_number(std::uint64_t value) {
  return static_cast<double>(value);
}

}  // namespace

void Agent::measure(catalog::Metrics& metrics) const {
  measure_packets(metrics);
  for (std::uint32_t i = 0; i < config_.scenario.sites.size(); ++i)
    if (SiteId{i} != config_.site) measure_paths(metrics, SiteId{i});
  metrics.set(metric("axs_sync_merged_tokens"), {}, as_number(site_.merged_tokens()));
  metrics.set(metric("axs_store_contributions"), {}, as_number(blobs_.contents().size()));
  metrics.set(metric("axs_store_contribution_bytes"), {}, as_number(blobs_.bytes()));
  metrics.set(metric("axs_process_facts_left_out_total"), {"agent"}, as_number(log_.left_out()));
}

void Agent::measure_packets(catalog::Metrics& metrics) const {
  for (const AgentLink& own : config_.links) {
    const LinkSockets::Counters& counters = overlay_->sockets().counters(own.link);
    const auto put = [&](catalog::MetricId id, std::uint64_t value) {
      metrics.set(id, {fabric::link_name(config_.scenario, own.link)}, as_number(value));
    };
    put(metric("axs_agent_packets_sent_total"), counters.sent);
    put(metric("axs_agent_sent_bytes_total"), counters.sent_bytes);
    put(metric("axs_agent_packets_refused_total"), counters.refused);
    put(metric("axs_agent_packets_received_total"), counters.received);
    put(metric("axs_agent_received_bytes_total"), counters.received_bytes);
  }
  metrics.set(metric("axs_agent_packets_relayed_total"), {}, as_number(overlay_->relayed()));
  for (const auto& [peer, count] : overlay_->unopened())
    metrics.set(metric("axs_agent_packets_unopened_total"), {name(peer)}, as_number(count));
}

void Agent::measure_paths(catalog::Metrics& metrics, SiteId peer) const {
  metrics.set(metric("axs_rebuilt_bytes_total"), {name(peer)},
              as_number(site_.transport(peer).rebuilt_bytes()));
  const auto paths = topology_.paths(config_.site, peer).size();
  for (std::size_t i = 0; i < paths; ++i) {
    const net::PathId path{static_cast<std::uint8_t>(i)};
    const auto put = [&](catalog::MetricId id, double value) {
      metrics.set(id, {name(peer), path_name(peer, path)}, value);
    };
    const net::PathEstimator& estimator = site_.monitor(peer).estimator(path);
    if (estimator.has_sample()) put(metric("axs_path_rtt_seconds"), estimator.smoothed().seconds());
    put(metric("axs_path_loss_ratio"), estimator.loss());
    const auto statistics = site_.transport(peer).statistics(path);
    if (!statistics) continue;
    put(metric("axs_path_data_packets_total"), as_number(statistics->packets_sent));
    put(metric("axs_path_lost_packets_total"), as_number(statistics->packets_lost));
    put(metric("axs_path_repair_bytes_total"), as_number(statistics->repair_bytes));
    put(metric("axs_path_chance_loss_ratio"), statistics->chance_loss);
  }
}

}  // namespace axs::live
