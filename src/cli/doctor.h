#pragma once

#include <string>
#include <vector>

#include "axs/cli/command.h"
#include "axs/cli/machine.h"

namespace axs::cli {

/// `axs doctor`: examines the machine and says what is missing and what to do about it. Fails
/// where something is missing.
struct DoctorCommand final : Command {
  bool json = false;

  std::string name() const override { return "doctor"; }
  std::string summary() const override { return "Check this machine and say what is missing"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;
};

/// Done, or failed if any check has found something missing.
ExitCode verdict(const std::vector<Check>& checks);

/// One line a check, for people.
std::string checks_as_text(const std::vector<Check>& checks);

/// {"version": 1, "good": bool, "checks": [{"name", "level", "seen", "advice"}]}
std::string checks_as_json(const std::vector<Check>& checks);

}  // namespace axs::cli
