#pragma once

#include <functional>
#include <optional>
#include <string>

#include "axs/catalog/facts.h"
#include "axs/catalog/metrics.h"
#include "axs/host/loop.h"

namespace axs::live {

/// The metrics of one process of a run: counted as facts are noted, and written once a second as a
/// file for the textfile collector of Prometheus' node_exporter, and for `axs metrics`.
class MetricsFile {
 public:
  struct Config {
    std::string path;
    std::string process;  ///< "agent", "controller", "launcher" or "underlay"
    std::string run;
    std::string site{};  ///< Of an agent.
  };
  /// What no fact tells is put in by `measure`, before each writing.
  using Measure = std::function<void(catalog::Metrics&)>;

  MetricsFile(host::Loop& loop, Config config, Measure measure);
  MetricsFile(const MetricsFile&) = delete;
  /// Writes once more what facts have told; nothing is measured any more.
  ~MetricsFile();

  void count(const catalog::Fact& fact);

 private:
  void write_later();
  void write();

  host::Loop& loop_;
  Config config_;
  Measure measure_;
  catalog::Metrics metrics_;
  host::TimerId timer_{};
};

}  // namespace axs::live
