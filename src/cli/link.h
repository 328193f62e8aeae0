#pragma once

#include "axs/cli/command_group.h"

namespace axs::cli {

/// `axs link create|ls|show|stats|start|stop|rm|join`: encrypted links between two sites.
class LinkCommand : public CommandGroup {
 public:
  LinkCommand();
  std::string name() const override { return "link"; }
  std::string summary() const override {
    return "Make encrypted links between two sites, for any program";
  }

 private:
  std::string footer() const override;
};

}  // namespace axs::cli
