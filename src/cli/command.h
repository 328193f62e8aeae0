#pragma once

#include <memory>
#include <string>
#include <vector>

#include "axs/core/result.h"

namespace CLI {
class App;
}

namespace axs::cli {

/// What the program tells its caller: done, the job failed, or the input was wrong.
enum class ExitCode : int { done = 0, failed = 1, bad_input = 2 };

/// One subcommand of `axs`. Its members are its flags with their defaults.
class Command {
 public:
  virtual ~Command() = default;

  virtual std::string name() const = 0;
  /// One line for `axs --help`, a verb first.
  virtual std::string summary() const = 0;
  /// Declares the flags. Called once, before parsing; `app` refers to this object afterwards.
  virtual void declare(CLI::App& app) = 0;
  /// Does it. An Error is printed by the caller; a command that has said by itself what is wrong
  /// returns ExitCode::failed.
  virtual Result<ExitCode> run() = 0;
};

/// Every command, in the order of `axs --help`. A new one is one line in commands.cpp.
std::vector<std::unique_ptr<Command>> all_commands();

}  // namespace axs::cli
