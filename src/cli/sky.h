#pragma once

#include "axs/cli/command_group.h"

namespace axs::cli {

/// `axs sky passes|contacts|coverage|paths|rtt`: satellites over places.
class SkyCommand : public CommandGroup {
 public:
  SkyCommand();
  std::string name() const override { return "sky"; }
  std::string summary() const override;

 private:
  std::string footer() const override;
};

}  // namespace axs::cli
