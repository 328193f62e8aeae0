#pragma once

#include <string>

#include "axs/cli/command.h"

namespace axs::cli {

/// `axs metrics`: what the processes of a run have counted, as one page for Prometheus.
struct MetricsCommand final : Command {
  std::string run_name;
  std::string runs = "runs";

  std::string name() const override { return "metrics"; }
  std::string summary() const override {
    return "Print the metrics of a run in the text format of Prometheus";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;
};

}  // namespace axs::cli
