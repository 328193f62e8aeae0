#pragma once

#include <memory>
#include <vector>

#include "axs/cli/command.h"

namespace axs::cli {

/// `axs link create|ls|show|stats|start|stop|rm|join`: encrypted links between two sites.
class LinkCommand : public Command {
 public:
  LinkCommand();
  std::string name() const override { return "link"; }
  std::string summary() const override {
    return "Make encrypted links between two sites, for any program";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  std::vector<std::unique_ptr<Command>> parts_;
  Command* chosen_ = nullptr;
};

}  // namespace axs::cli
