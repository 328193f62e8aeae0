#pragma once

#include <optional>
#include <string>

#include "axs/cli/command.h"
#include "axs/cli/run_folders.h"

namespace axs::cli {

/// `axs runs`: the folders that runs have left, what they take, and how to be rid of them.
struct RunsCommand final : Command {
  std::string folder = "runs";
  std::string run_id;
  std::optional<std::size_t> keep;
  std::string age;
  bool json = false;

  std::string name() const override { return "runs"; }
  std::string summary() const override { return "List or remove the folders of runs"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  bool removes() const { return !run_id.empty() || keep || !age.empty(); }
  Result<ExitCode> list() const;
  Result<ExitCode> remove() const;
  Result<ExitCode> remove_one() const;
  Result<> remove_folder(const std::string& id) const;

  bool lists_ = false;
};

}  // namespace axs::cli
