#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/cli/command.h"
#include "axs/cli/job.h"
#include "axs/cli/ray_launch.h"
#include "axs/live/run_plan.h"

namespace axs::cli {

/// `axs run`: the job for real, on this machine: an emulator, a controller, one agent and one
/// worker per site.
struct RunCommand final : Command {
  JobFlags job;
  std::string data;
  std::string runs = "runs";
  std::string resume;
  std::string plan_file;
  RayFlags ray;

  std::string name() const override { return "run"; }
  std::string summary() const override { return "Run a scenario with real processes"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  Result<ExitCode> go_on() const;
  /// The job to run, and how its record begins: with what the plan says, if there is one.
  Result<live::NewRun> wanted() const;
  Result<std::optional<catalog::Predicted>> foresee(
      const live::NewRun& job, const std::vector<fabric::LinkPlan>& links) const;
};

/// `axs agent`: the process of one site of a run; `axs run` starts it.
struct AgentCommand final : Command {
  std::string folder;
  std::string site;

  std::string name() const override { return "agent"; }
  std::string summary() const override { return "Be the agent of one site of a run"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;
};

/// `axs controller`: the controller of a run's routes; `axs run` starts it.
struct ControllerCommand final : Command {
  std::string folder;
  std::uint64_t term = 0;

  std::string name() const override { return "controller"; }
  std::string summary() const override { return "Be the controller of the routes of a run"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;
};

/// `axs underlay`: the emulator of a run's links; `axs run` starts it.
struct UnderlayCommand final : Command {
  std::string folder;

  std::string name() const override { return "underlay"; }
  std::string summary() const override { return "Emulate the links of a run"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;
};

}  // namespace axs::cli
