#pragma once

#include <string>
#include <vector>

#include "axs/cli/command.h"
#include "axs/cli/rows.h"
#include "axs/cli/sky_source.h"

namespace axs::cli {

/// The satellites that pass over one place, for whoever looks up.
class SkyPassesCommand : public Command {
 public:
  std::string name() const override { return "passes"; }
  std::string summary() const override { return "List the satellites that pass over a place"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  SkySource source_;
  std::string at_;
  std::string satellite_;
  std::string html_;
  RowsFormat format_;
};

/// Who sees whom when: the contact plan of ground stations and satellites.
class SkyContactsCommand : public Command {
 public:
  std::string name() const override { return "contacts"; }
  std::string summary() const override {
    return "Plan who sees whom when, to the millisecond, and the next handover";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  SkySource source_;
  std::vector<std::string> at_;
  RowsFormat format_;
};

}  // namespace axs::cli
