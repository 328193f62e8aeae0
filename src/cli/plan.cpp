#include "axs/cli/plan.h"

#include <CLI/CLI.hpp>

#include "axs/cli/plan_measure.h"
#include "axs/cli/plan_replan.h"
#include "axs/cli/plan_score.h"

namespace axs::cli {

PlanCommand::PlanCommand() {
  parts_.push_back(std::make_unique<PlanMeasureCommand>());
  parts_.push_back(std::make_unique<PlanReplanCommand>());
  parts_.push_back(std::make_unique<PlanScoreCommand>());
}

void PlanCommand::declare(CLI::App& app) {
  CommandGroup::declare(app);
  app.require_subcommand(0, 1);
  job_.declare(app);
}

std::string PlanCommand::footer() const {
  return "The job is a scenario with the accelerators of its sites and, if wanted, a table "
         "[plan]:\n"
         "  [plan]\n"
         "  precision = \"bf16\"              # or fp16, fp8, fp4\n"
         "  objective = \"money\"             # or time, energy, carbon\n"
         "  deadline = \"30 d\"\n"
         "  budget = \"$2M\"\n"
         "  power = \"1.5 MW\"\n"
         "  jurisdictions = [\"US\", \"DE\"]    # where it may run\n"
         "and with what its sites cost:\n"
         "  [[site]]\n"
         "  pue = 1.2\n"
         "  energy-price = \"0.08 $/kWh\"     # where rent does not have it\n"
         "  carbon = 380                    # g of CO2 for a kWh\n"
         "  power = \"750 kW\"\n"
         "  accelerators = [{ type = \"H100\", count = 64, price = 2.5 }]    # dollars an hour\n"
         "\n"
         "Examples:\n"
         "  axs plan job.toml\n"
         "  axs plan job.toml --explain\n"
         "  axs plan job.toml --objective carbon\n"
         "  axs plan job.toml --frontier\n"
         "  axs plan job.toml --json > plan.json\n"
         "  axs plan job.toml --emit megatron > args; xargs -a args torchrun pretrain_gpt.py\n"
         "  axs plan job.toml --html plan.html\n"
         "  axs plan job.toml --trace step.json     # open it on ui.perfetto.dev\n"
         "  axs plan measure >> job.toml            # how fast processors here are\n"
         "  axs plan replan job.toml --running plan.json --lost sfo:8 --done 40%\n"
         "  axs plan score training-runs.csv";
}

}  // namespace axs::cli
