#pragma once

#include <string>

#include "axs/cli/command.h"

namespace axs::cli {

/// The fastest plan of a job on its fleet.
class PlanJob {
 public:
  void declare(CLI::App& app);
  Result<ExitCode> run();

 private:
  std::string file_;
  std::string limit_;
  bool json_ = false;
};

}  // namespace axs::cli
