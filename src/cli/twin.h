#pragma once

#include <string>

#include "axs/cli/command.h"
#include "axs/cli/job.h"
#include "axs/cli/plan_execute.h"
#include "axs/cli/twin_fleets.h"

namespace axs::cli {

/// `axs twin`: runs a scenario in the simulated world and prints what it came to, with its digest;
/// with --learn a real model is trained in it; with --flows one exchange between all its sites
/// instead, without agents and packets. Where sites have accelerators, they are planned and played
/// as fleets.
struct TwinCommand final : Command {
  JobFlags job;
  bool json = false;
  bool flows = false;
  bool learn = false;
  std::string data;
  std::string out;
  std::string speeds;
  std::string plan;
  FleetFlags fleets;

  std::string name() const override { return "twin"; }
  std::string summary() const override { return "Simulate a scenario, the same on every run"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  Result<ExitCode> run_fleets();
  /// How fast workers are.
  Result<std::vector<twin::WorkerSpeed>> workers_of(const catalog::Scenario& scenario,
                                                    const std::optional<PlannedRun>& planned) const;
};

}  // namespace axs::cli
