#pragma once

#include "axs/cli/command.h"

namespace axs::cli {

/// `axs plan measure`: a core of this machine as an accelerator of jobs.
class PlanMeasureCommand : public Command {
 public:
  std::string name() const override { return "measure"; }
  std::string summary() const override {
    return "Measure a core of this machine, for jobs whose sites have processors";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  bool json_ = false;
};

}  // namespace axs::cli
