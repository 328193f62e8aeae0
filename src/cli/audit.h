#pragma once

#include <cstdint>
#include <vector>

#include "axs/cli/command.h"
#include "axs/cli/rows.h"

namespace axs::cli {

/// What became of each claim of the published description.
class AuditCommand : public Command {
 public:
  std::string name() const override { return "audit"; }
  std::string summary() const override { return "Say what became of each claim, with our number"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  std::vector<std::uint32_t> ids_;
  std::string html_;
  RowsFormat format_;
};

}  // namespace axs::cli
