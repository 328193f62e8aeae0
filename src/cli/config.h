#pragma once

#include <string>

#include "axs/cli/command.h"
#include "axs/cli/job.h"

namespace axs::cli {

/// `axs config show`: what a job is, every default written out, and who said so.
struct ConfigCommand final : Command {
  JobFlags job;
  bool json = false;

  std::string name() const override { return "config"; }
  std::string summary() const override {
    return "Show the complete configuration of a job, and where each value came from";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;
};

}  // namespace axs::cli
