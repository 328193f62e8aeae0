#include "axs/live/metrics_file.h"

#include <sys/resource.h>

#include "axs/host/clock.h"
#include "axs/host/file.h"
#include "axs/host/machine.h"
#include "axs/record/fact_metrics.h"

namespace axs::live {

namespace {

using catalog::metric;

constexpr Duration write_every = seconds(1);

void measure_process(catalog::Metrics& metrics, const std::string& process) {
  if (const auto used = host::usage_of(0))
    metrics.set(metric("axs_process_cpu_seconds_total"), {process}, used->cpu.seconds());
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  metrics.set(metric("axs_process_resident_bytes"), {process},
              static_cast<double>(usage.ru_maxrss) * 1024);
  metrics.set(metric("axs_process_written_timestamp_seconds"), {process},
              host::unix_time().seconds());
}

}  // namespace

MetricsFile::MetricsFile(host::Loop& loop, Config config, Measure measure)
    : loop_{loop},
      config_{std::move(config)},
      measure_{std::move(measure)},
      metrics_{config_.run, config_.site} {
  write_later();
}

MetricsFile::~MetricsFile() {
  loop_.cancel(timer_);
  write();
}

void MetricsFile::count(const catalog::Fact& fact) {
  record::count_fact(metrics_, fact);
}

void MetricsFile::write_later() {
  timer_ = loop_.after(write_every, [this] {
    measure_(metrics_);
    write();
    write_later();
  });
}

/// A full disk takes nothing from the run: then there are no metrics.
void MetricsFile::write() {
  measure_process(metrics_, config_.process);
  (void)host::replace_file(config_.path, metrics_.page()).has_value();
}

}  // namespace axs::live
