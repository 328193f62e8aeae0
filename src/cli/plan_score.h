#pragma once

#include "axs/cli/command.h"

namespace axs::cli {

/// `axs plan score FILE.csv`: predictions beside published runs.
class PlanScoreCommand : public Command {
 public:
  std::string name() const override { return "score"; }
  std::string summary() const override {
    return "Predict the training runs of a table and compare with what was measured";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  std::string file_;
  bool json_ = false;
};

}  // namespace axs::cli
