#include "axs/catalog/metrics.h"

#include <doctest/doctest.h>

#include <limits>
#include <set>

using namespace axs::catalog;

TEST_CASE("metrics: the names of the catalogue follow Prometheus, each once") {
  std::set<std::string_view> names;
  for (const Metric& metric : metrics) {
    INFO(metric.name);
    CHECK(names.insert(metric.name).second);
    CHECK(metric.name.starts_with("axs_"));
    CHECK(metric.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK(metric.name.ends_with("_total") == (metric.type == MetricType::counter));
    std::string_view base = metric.name;
    if (base.ends_with("_total")) base.remove_suffix(6);
    if (!metric.unit.empty()) CHECK(base.ends_with("_" + std::string{metric.unit}));
    CHECK(!metric.help.empty());
    CHECK(metric.help.find_first_of("\\\n") == std::string_view::npos);
  }
}

TEST_CASE("metrics: a page names each family once, with its help and type") {
  Metrics numbers{"r1", "sfo"};
  numbers.add(metric("axs_worker_starts_total"), {}, 1);
  numbers.add(metric("axs_path_lost_packets_total"), {"fra", "sfo-fra"}, 2);
  numbers.add(metric("axs_path_lost_packets_total"), {"tyo", "a \"b\"\\\n"}, 1);
  numbers.add(metric("axs_worker_starts_total"), {}, 1);
  numbers.set(metric("axs_worker_loss"), {}, std::numeric_limits<double>::quiet_NaN());
  CHECK(numbers.page() ==
        "# HELP axs_path_lost_packets_total Packets given up; what they carried was sent again\n"
        "# TYPE axs_path_lost_packets_total counter\n"
        "axs_path_lost_packets_total{run=\"r1\",site=\"sfo\",peer=\"fra\",path=\"sfo-fra\"} 2\n"
        "axs_path_lost_packets_total{run=\"r1\",site=\"sfo\",peer=\"tyo\","
        "path=\"a \\\"b\\\"\\\\\\n\"} 1\n"
        "# HELP axs_worker_starts_total Starts of the worker in this life of the agent\n"
        "# TYPE axs_worker_starts_total counter\n"
        "axs_worker_starts_total{run=\"r1\",site=\"sfo\"} 2\n");
  CHECK(merge_metrics({numbers.page()}) == numbers.page());
}

TEST_CASE("metrics: a histogram counts what is below each bound, a summary has its quantiles") {
  Metrics numbers{"r1", ""};
  for (const double value : {0.02, 0.1, 500.0})
    numbers.observe(metric("axs_sync_wait_seconds"), value);
  const Metrics::Quantile half{0.5, 0.25};
  numbers.set(metric("axs_underlay_release_error_seconds"), {{&half, 1}, 3, 4});
  const std::string page = numbers.page();
  for (const char* line : {"axs_sync_wait_seconds_bucket{run=\"r1\",le=\"0.01\"} 0\n",
                           "axs_sync_wait_seconds_bucket{run=\"r1\",le=\"0.1\"} 2\n",
                           "axs_sync_wait_seconds_bucket{run=\"r1\",le=\"+Inf\"} 3\n",
                           "axs_sync_wait_seconds_sum{run=\"r1\"} 500.12\n",
                           "axs_sync_wait_seconds_count{run=\"r1\"} 3\n",
                           "axs_underlay_release_error_seconds{run=\"r1\",quantile=\"0.5\"} 0.25\n",
                           "axs_underlay_release_error_seconds_sum{run=\"r1\"} 3\n",
                           "axs_underlay_release_error_seconds_count{run=\"r1\"} 4\n"})
    CHECK_MESSAGE(page.find(line) != std::string::npos, page);
  CHECK(merge_metrics({page}) == page);
}

TEST_CASE("metrics: pages merge family by family; what is no sample of the catalogue is left out") {
  Metrics one{"r1", "sfo"}, other{"r1", "fra"};
  for (Metrics* numbers : {&one, &other}) {
    numbers->set(metric("axs_worker_up"), {}, 1);
    numbers->set(metric("axs_agent_incarnation"), {}, 2);
  }
  const std::string merged = merge_metrics(
      {one.page(), other.page(), one.page(),
       "axs_worker_up{run=\"r1\"} up\naxs_worker_up{run=r1} 1\naxs_worker_up{run=\"r1\",} 1\n"
       "axs_worker_up{run=\"r1\\x\"} 1\naxs_worker_up\naxs_worker_up_count 1\nother 1\n\n{} 1\n"
       "axs_worker_up{run=\"r1"});
  CHECK(merged ==
        "# HELP axs_agent_incarnation Starts of the agent so far\n"
        "# TYPE axs_agent_incarnation gauge\n"
        "axs_agent_incarnation{run=\"r1\",site=\"sfo\"} 2\n"
        "axs_agent_incarnation{run=\"r1\",site=\"fra\"} 2\n"
        "# HELP axs_worker_up 1 while a worker is ready\n"
        "# TYPE axs_worker_up gauge\n"
        "axs_worker_up{run=\"r1\",site=\"sfo\"} 1\n"
        "axs_worker_up{run=\"r1\",site=\"fra\"} 1\n");
}
