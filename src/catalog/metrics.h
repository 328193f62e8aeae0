#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The one catalogue of what a run's processes count, and the text in which Prometheus reads it.
namespace axs::catalog {

/// summary: quantiles that the writer has worked out. histogram: counts up to bounds.
enum class MetricType { counter, gauge, summary, histogram };

/// A family of the catalogue. The name follows Prometheus: prefix, what, base unit, and `_total`
/// for what only grows. Every series has the labels run and, of a site's processes, site; `labels`
/// are the others, separated by spaces.
struct Metric {
  std::string_view name;
  MetricType type;
  std::string_view unit;  ///< "seconds", "bytes", "ratio" or none
  std::string_view labels;
  std::string_view help;
};

namespace metrics_detail {

using enum MetricType;

// clang-format off
inline constexpr auto table = std::to_array<Metric>({
    // Of every process.
    {"axs_process_cpu_seconds_total", counter, "seconds", "process",
     "Processor time used"},
    {"axs_process_resident_bytes", gauge, "bytes", "process",
     "Most memory that was resident at once"},
    {"axs_process_written_timestamp_seconds", gauge, "seconds", "process",
     "Unix time at which the process wrote its metrics last"},
    {"axs_process_facts_left_out_total", counter, "", "process",
     "Facts left out of events.jsonl: repeated too often, or no room"},
    // Of the launcher.
    {"axs_run_process_starts_total", counter, "", "process",
     "Starts of a process of the run"},
    {"axs_run_process_losses_total", counter, "", "process",
     "Ends of a process that nobody wanted"},
    {"axs_run_faults_total", counter, "", "kind",
     "Faults of the scenario that were inflicted"},
    {"axs_run_merged_tokens", gauge, "", "",
     "Tokens merged over all sites, as the launcher knows"},
    // Of the controller.
    {"axs_controller_term", gauge, "", "",
     "Term of the controller; a greater one replaces it"},
    {"axs_controller_orders_total", counter, "", "from to traffic",
     "Orders to move traffic to another path"},
    {"axs_controller_leased_bytes_per_second", gauge, "", "from to",
     "Rate that bulk has leased over all its paths; 0: none"},
    {"axs_controller_route_rtt_seconds", gauge, "seconds", "from to",
     "Round trip on the path of gradients, as reported"},
    {"axs_controller_route_loss_ratio", gauge, "ratio", "from to",
     "Share of round trips lost on that path"},
    // Of the emulator.
    {"axs_underlay_offered_packets_total", counter, "", "link from to",
     "Packets offered to a direction of a link"},
    {"axs_underlay_offered_bytes_total", counter, "bytes", "link from to",
     "UDP payload offered to it"},
    {"axs_underlay_lost_packets_total", counter, "", "link from to",
     "Packets that it did not deliver"},
    {"axs_underlay_dropped_packets_total", counter, "", "link from to reason",
     "Packets lost by the emulator itself, not by the link"},
    {"axs_underlay_in_flight_packets", gauge, "", "link from to",
     "Packets under way in it now"},
    {"axs_underlay_link_up", gauge, "", "link from to",
     "1, or 0 while a fault cuts it"},
    {"axs_underlay_release_error_seconds", summary, "seconds", "",
     "How much later than due packets were handed over"},
    // Of the agent: packets, sessions, paths.
    {"axs_agent_incarnation", gauge, "", "",
     "Starts of the agent so far"},
    {"axs_agent_packets_sent_total", counter, "", "link",
     "Packets handed to the kernel"},
    {"axs_agent_sent_bytes_total", counter, "bytes", "link",
     "UDP payload in them"},
    {"axs_agent_packets_refused_total", counter, "", "link",
     "Packets that the kernel did not take"},
    {"axs_agent_packets_received_total", counter, "", "link",
     "Packets received"},
    {"axs_agent_received_bytes_total", counter, "bytes", "link",
     "UDP payload in them"},
    {"axs_agent_packets_relayed_total", counter, "", "",
     "Packets handed on for other sites"},
    {"axs_agent_packets_unopened_total", counter, "", "peer",
     "Sealed packets that no key of the session opens"},
    {"axs_session_up", gauge, "", "peer",
     "1 while a session with the peer stands"},
    {"axs_session_starts_total", counter, "", "peer",
     "Sessions that came up"},
    {"axs_session_failures_total", counter, "", "peer",
     "Handshakes that failed"},
    {"axs_session_misbehaviours_total", counter, "", "peer",
     "What the peer sent and no honest one would"},
    {"axs_path_up", gauge, "", "peer path",
     "1 while the path works"},
    {"axs_path_rtt_seconds", gauge, "seconds", "peer path",
     "Smoothed round trip of probes"},
    {"axs_path_loss_ratio", gauge, "ratio", "peer path",
     "Share of probes lost lately"},
    {"axs_path_data_packets_total", counter, "", "peer path",
     "Packets sent that await an acknowledgement"},
    {"axs_path_lost_packets_total", counter, "", "peer path",
     "Packets given up; what they carried was sent again"},
    {"axs_path_repair_bytes_total", counter, "bytes", "peer path",
     "Bytes sent that make up for losses in advance"},
    {"axs_path_chance_loss_ratio", gauge, "ratio", "peer path",
     "Share of data packets lost although nobody overloads the path"},
    {"axs_rebuilt_bytes_total", counter, "bytes", "peer",
     "Bytes that were lost on the way and that repairs brought back"},
    {"axs_route_changes_total", counter, "", "peer traffic reason",
     "Moves of traffic to another path"},
    {"axs_handovers_kept_total", counter, "", "peer path",
     "Planned changes of satellites that gradients kept off"},
    {"axs_leases_lost_total", counter, "", "peer",
     "Leases of bulk, or parts, that ended before the controller said so"},
    // Of the agent: synchronisation and what it keeps.
    {"axs_sync_contributions_total", counter, "", "",
     "Contributions of the site's worker"},
    {"axs_sync_contribution_bytes_total", counter, "bytes", "",
     "Encoded bytes of them"},
    {"axs_sync_sent_bytes_total", counter, "bytes", "peer",
     "Contributions handed to the transport"},
    {"axs_sync_closed_total", counter, "", "",
     "Syncs that this site closed as leader"},
    {"axs_sync_wait_seconds", histogram, "seconds", "",
     "From the first contribution of a sync to its close"},
    {"axs_sync_applied_total", counter, "", "",
     "Syncs merged by the worker"},
    {"axs_sync_diverged_total", counter, "", "",
     "Syncs after which a peer had another hash"},
    {"axs_sync_merged_tokens", gauge, "", "",
     "Tokens of all sites in the model of this one"},
    {"axs_store_contributions", gauge, "", "",
     "Contributions kept until every site has merged them"},
    {"axs_store_contribution_bytes", gauge, "bytes", "",
     "Their bytes"},
    // Of the worker, told by its agent.
    {"axs_worker_starts_total", counter, "", "",
     "Starts of the worker in this life of the agent"},
    {"axs_worker_up", gauge, "", "",
     "1 while a worker is ready"},
    {"axs_worker_steps_total", counter, "", "",
     "Steps since the first start of the site"},
    {"axs_worker_tokens_total", counter, "", "",
     "Tokens of the site's shard that were trained on"},
    {"axs_worker_step_seconds", gauge, "seconds", "",
     "Mean time of a step, lately"},
    {"axs_worker_loss", gauge, "", "",
     "Training loss, nats per token, lately"},
    {"axs_worker_validation_loss", gauge, "", "",
     "Validation loss of the merged model, nats per token"},
});
// clang-format on

}  // namespace metrics_detail

/// The catalogue.
inline constexpr const auto& metrics = metrics_detail::table;

/// The place of a family in the catalogue.
struct MetricId {
  std::size_t index;
};
/// A name that is not in the catalogue does not compile.
consteval MetricId metric(std::string_view name) {
  for (std::size_t i = 0; i < metrics.size(); ++i)
    if (metrics[i].name == name) return {i};
  throw "no such metric in the catalogue";
}

/// The numbers of one process, and the page that Prometheus reads (text format 0.0.4). A NaN is no
/// value: such a sample is left out.
class Metrics {
 public:
  using Labels = std::initializer_list<std::string>;  ///< The values, in the catalogue's order.
  /// Upper bounds of a histogram's buckets, in seconds; there is one more without bound.
  static constexpr std::array bounds{0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0};
  struct Quantile {
    double q{};
    double value{};
  };
  struct Summary {
    std::span<const Quantile> quantiles;
    double sum{};
    std::uint64_t count{};
  };

  /// `site` is empty for what belongs to none.
  Metrics(std::string run, std::string site);

  void add(MetricId id, Labels labels, double more);
  void set(MetricId id, Labels labels, double value);
  void observe(MetricId histogram, double value);
  void set(MetricId summary, const Summary& values);

  std::string page() const;

 private:
  struct Histogram {
    std::array<std::uint64_t, bounds.size() + 1> counts{};
    double sum{};
  };
  double& value_at(MetricId id, std::string_view suffix, const std::string& labels);
  std::string braced(MetricId id, Labels labels) const;
  void put(MetricId id, const Histogram& histogram);

  std::string common_;  ///< run="…",site="…"
  /// By family: by the name's suffix and the labels, in the order in which they were first set.
  struct Family {
    std::map<std::string, std::size_t> places;
    std::vector<std::pair<std::string, double>> samples;
  };
  std::map<std::size_t, Family> families_;
  std::map<std::size_t, Histogram> histograms_;
};

/// One page of several: each family once, in the order of the catalogue. What is no sample of a
/// family in the catalogue is left out, as is a series that came before.
std::string merge_metrics(const std::vector<std::string>& pages);

}  // namespace axs::catalog
