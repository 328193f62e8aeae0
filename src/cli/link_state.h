#pragma once

#include <string>

#include "axs/cli/command.h"
#include "axs/cli/link_folder.h"

namespace axs::cli {

/// `axs link ls`: all links, a line each.
class LinkLsCommand : public Command {
 public:
  std::string name() const override { return "ls"; }
  std::string summary() const override {
    return "List links: rate, latency, loss, breaches, state";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  LinkFlags flags_;
};

/// A command about one link.
class LinkNamedCommand : public Command {
 public:
  void declare(CLI::App& app) override;

 protected:
  LinkFlags flags_;
  std::string link_;
};

/// `axs link show`: what a link promises, what it measures, and its breaches.
class LinkShowCommand : public LinkNamedCommand {
 public:
  std::string name() const override { return "show"; }
  std::string summary() const override { return "Show what a link promises and what it keeps"; }
  Result<ExitCode> run() override;
};

/// `axs link stats`: what its ends have counted.
class LinkStatsCommand : public LinkNamedCommand {
 public:
  std::string name() const override { return "stats"; }
  std::string summary() const override { return "Show what the ends of a link have counted"; }
  Result<ExitCode> run() override;
};

class LinkStartCommand : public LinkNamedCommand {
 public:
  std::string name() const override { return "start"; }
  std::string summary() const override { return "Start the ends of a link that do not run"; }
  Result<ExitCode> run() override;
};

class LinkStopCommand : public LinkNamedCommand {
 public:
  std::string name() const override { return "stop"; }
  std::string summary() const override { return "Stop a link; axs link start goes on"; }
  Result<ExitCode> run() override;
};

class LinkRmCommand : public LinkNamedCommand {
 public:
  std::string name() const override { return "rm"; }
  std::string summary() const override {
    return "Stop a link and forget it, its breaches included";
  }
  Result<ExitCode> run() override;
};

/// `axs link end`: the process of one end; the others start it.
class LinkEndCommand : public Command {
 public:
  std::string name() const override { return "end"; }
  std::string summary() const override { return "Be one end of a link"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  std::string folder_, side_;
};

}  // namespace axs::cli
