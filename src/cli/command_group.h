#pragma once

#include "axs/cli/command.h"

namespace axs::cli {

/// A command that is a family of others: `axs sky passes`, `axs link create`.
class CommandGroup : public Command {
 public:
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override { return chosen_->run(); }

 protected:
  /// The one that was named; null where a group may do without.
  Command* chosen() const { return chosen_; }
  /// What --help ends with.
  virtual std::string footer() const = 0;

  std::vector<std::unique_ptr<Command>> parts_;

 private:
  Command* chosen_ = nullptr;
};

}  // namespace axs::cli
