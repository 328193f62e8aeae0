#pragma once

#include <string>

#include "axs/cli/command.h"
#include "axs/cli/rows.h"
#include "axs/cli/sky_source.h"

namespace axs::cli {

/// The other half of the contact plan: which satellites reach each other by laser, from when to
/// when.
class SkyLasersCommand : public Command {
 public:
  std::string name() const override { return "lasers"; }
  std::string summary() const override {
    return "Plan which satellites reach each other by laser, and when";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  SkySource source_;
  std::string satellite_;
  RowsFormat format_;
};

}  // namespace axs::cli
