#pragma once

#include <string>

#include "axs/cli/command.h"

namespace axs::cli {

/// `axs ledger`: reconciles the tokens of a run from its events.jsonl. Exit code 1 if a token
/// counts twice or never.
struct LedgerCommand final : Command {
  std::string run_name;
  std::string runs = "runs";
  bool json = false;

  std::string name() const override { return "ledger"; }
  std::string summary() const override { return "Check that every token of a run counted once"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;
};

/// The folder of a run that a person names by its path or by its id.
std::string run_folder(const std::string& name, const std::string& runs);

}  // namespace axs::cli
