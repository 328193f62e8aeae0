#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/cli/command.h"
#include "axs/cli/job.h"
#include "axs/live/underlay.h"

namespace axs::cli {

/// Sites and links to be emulated, and how each site is reached.
struct Emulation {
  catalog::Scenario scenario;
  std::vector<fabric::LinkPlan> links;
  live::UnderlayConfig underlay;
  std::size_t faults_left_out = 0;  ///< Those that a job would suffer, not a link.
};

/// `axs emulate`: the links of a scenario, or one that was measured, for other programs.
struct EmulateCommand final : Command {
  JobFlags job;
  std::string trace;     ///< DELAY,CAPACITY
  std::string duration;  ///< Empty: until Ctrl-C.
  std::string site;      ///< Where the program runs.
  bool ports = false;
  std::uint16_t first_port = 0;
  bool json = false;
  std::vector<std::string> program;

  std::string name() const override { return "emulate"; }
  std::string summary() const override {
    return "Emulate a scenario's links, or a measured one, for other programs";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  Result<Emulation> plan(std::optional<Duration> lasts) const;
  Result<std::string> program_netns(const Emulation& emulation) const;
};

}  // namespace axs::cli
