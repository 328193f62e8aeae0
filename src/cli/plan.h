#pragma once

#include "axs/cli/command_group.h"
#include "axs/cli/plan_job.h"

namespace axs::cli {

/// `axs plan JOB.toml`, and what else X-Ray can say.
class PlanCommand : public CommandGroup {
 public:
  PlanCommand();

  std::string name() const override { return "plan"; }
  std::string summary() const override {
    return "Find the best way to train a model on a fleet, or score predictions";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override { return chosen() ? chosen()->run() : job_.run(); }

 private:
  std::string footer() const override;

  PlanJob job_;
};

}  // namespace axs::cli
