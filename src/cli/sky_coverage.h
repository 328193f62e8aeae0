#pragma once

#include <string>

#include "axs/cli/command.h"
#include "axs/cli/rows.h"
#include "axs/cli/sky_source.h"

namespace axs::cli {

/// How many satellites are in sight over the earth, and where there are times without any.
class SkyCoverageCommand : public Command {
 public:
  std::string name() const override { return "coverage"; }
  std::string summary() const override {
    return "Tell how many satellites are in sight at each latitude, and for how much of the time";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  SkySource source_;
  double grid_deg_ = 5;
  std::string html_;
  RowsFormat format_;
};

}  // namespace axs::cli
