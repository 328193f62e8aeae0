#pragma once

#include <memory>
#include <vector>

#include "axs/cli/command.h"

namespace axs::cli {

/// `axs sky passes|contacts|coverage|paths|rtt`: satellites over places.
class SkyCommand : public Command {
 public:
  SkyCommand();
  std::string name() const override { return "sky"; }
  std::string summary() const override;
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  std::vector<std::unique_ptr<Command>> parts_;
  Command* chosen_ = nullptr;
};

}  // namespace axs::cli
