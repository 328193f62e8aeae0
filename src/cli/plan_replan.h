#pragma once

#include <chrono>
#include <string>

#include "axs/cli/command.h"
#include "axs/cli/plan_replan_events.h"

namespace axs::cli {

/// `axs plan replan JOB.toml --lost sfo:8`: how a job that runs goes on when its fleet has changed.
class PlanReplanCommand : public Command {
 public:
  std::string name() const override { return "replan"; }
  std::string summary() const override {
    return "Say how a job that runs ends first after its fleet has changed";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  std::string file_;
  std::string running_;
  EventFlags events_;
  std::string done_;
  std::string limit_;
  bool json_ = false;
};

}  // namespace axs::cli
