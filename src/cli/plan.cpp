#include "axs/cli/plan.h"

#include "axs/cli/plan_score.h"

namespace axs::cli {

PlanCommand::PlanCommand() {
  parts_.push_back(std::make_unique<PlanScoreCommand>());
}

std::string PlanCommand::footer() const {
  return "Example:\n"
         "  axs plan score training-runs.csv";
}

}  // namespace axs::cli
