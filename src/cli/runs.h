#pragma once

#include <string>

#include "axs/cli/command.h"

namespace axs::cli {

/// `axs runs`: the folders that runs have left, what they take, and how to be rid of them.
struct RunsCommand final : Command {
  std::string folder = "runs";
  std::string run_id;
  bool json = false;

  std::string name() const override { return "runs"; }
  std::string summary() const override { return "List or remove the folders of runs"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  Result<ExitCode> list() const;
  Result<ExitCode> remove() const;
};

}  // namespace axs::cli
