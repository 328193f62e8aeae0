#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/cli/command.h"
#include "axs/cli/link_folder.h"

namespace axs::cli {

/// `axs link create`: checks what is asked for against physics, makes the link and starts it.
class LinkCreateCommand : public Command {
 public:
  std::string name() const override { return "create"; }
  std::string summary() const override { return "Make a link between two sites and start it"; }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  void declare_places(CLI::App& app);
  Result<live::LinkSpec> spec() const;
  Result<> add_promise(live::LinkSpec& spec) const;
  Result<> add_ports(live::LinkSpec& spec) const;
  Result<> add_addresses(live::LinkSpec& spec) const;
  Result<> add_meeting(live::LinkSpec& spec) const;
  Result<> add_tun(live::LinkSpec& spec) const;
  Result<> write_invitation(const live::LinkFolder& folder, const live::LinkSpec& spec) const;

  LinkFlags flags_;
  std::string from_, to_, name_;
  std::string rtt_, rate_;
  std::optional<double> stretch_;
  double percentile_ = 99;
  std::string class_ = "gradient";
  std::vector<std::string> tcp_, udp_;
  std::string tun_, namespaces_;
  std::string from_at_, to_at_, from_via_, to_via_, meeting_, invitation_;
};

/// `axs link meet`: is the place where ends find each other.
class LinkMeetCommand : public Command {
 public:
  std::string name() const override { return "meet"; }
  std::string summary() const override {
    return "Be the meeting point of links whose ends cannot find each other";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  std::string at_;
};

/// `axs link join`: is the second end of a link that another machine has created.
class LinkJoinCommand : public Command {
 public:
  std::string name() const override { return "join"; }
  std::string summary() const override {
    return "Be the second end of a link that another machine has created";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  LinkFlags flags_;
  std::string file_, at_;
};

}  // namespace axs::cli
