#pragma once

#include <string>

#include "axs/cli/command.h"

namespace axs::cli {

/// `axs report`: one HTML page about a run, made of what lies in its folder.
struct ReportCommand final : Command {
  std::string run_name;
  std::string runs = "runs";
  std::string out;

  std::string name() const override { return "report"; }
  std::string summary() const override { return "Make the report of a run, one HTML file"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;
};

/// Writes the report of the run in `folder` beside its other files, whole or not at all; says
/// where.
Result<std::string> write_report(const std::string& folder);

}  // namespace axs::cli
