#pragma once

#include "axs/cli/command_group.h"

namespace axs::cli {

/// `axs plan score`: what training costs, and how well that is known.
class PlanCommand : public CommandGroup {
 public:
  PlanCommand();
  std::string name() const override { return "plan"; }
  std::string summary() const override {
    return "Predict time and memory of training, by the cost model X-Ray";
  }

 private:
  std::string footer() const override;
};

}  // namespace axs::cli
