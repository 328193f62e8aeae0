#pragma once

#include <string>

#include "axs/cli/command.h"

namespace axs::cli {

struct PlanView;

/// The fastest plan of a job on its fleet.
class PlanJob {
 public:
  void declare(CLI::App& app);
  Result<ExitCode> run();

 private:
  Result<> write_files(const PlanView& view) const;
  Result<std::string> text(const PlanView& view) const;

  std::string file_;
  std::string limit_;
  std::string trace_;
  std::string page_;
  std::string emit_;
  bool explain_ = false;
  bool json_ = false;
};

}  // namespace axs::cli
