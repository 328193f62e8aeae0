#pragma once

#include <string>

#include "axs/cli/command.h"

namespace axs::cli {

/// `axs explain`: every time that traffic took another way in a run, what was seen of both ways and
/// which rule moved it; and what bulk transfers had leased of spare capacity.
struct ExplainCommand final : Command {
  std::string run_name;
  std::string runs = "runs";
  bool json = false;

  std::string name() const override { return "explain"; }
  std::string summary() const override {
    return "Say why traffic was rerouted in a run, and what transfers leased";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;
};

}  // namespace axs::cli
