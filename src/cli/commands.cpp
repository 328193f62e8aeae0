#include "axs/cli/audit.h"
#include "axs/cli/command.h"
#include "axs/cli/config.h"
#include "axs/cli/doctor.h"
#include "axs/cli/emulate.h"
#include "axs/cli/explain.h"
#include "axs/cli/ledger.h"
#include "axs/cli/link.h"
#include "axs/cli/metrics.h"
#include "axs/cli/plan.h"
#include "axs/cli/report.h"
#include "axs/cli/run.h"
#include "axs/cli/runs.h"
#include "axs/cli/sky.h"
#include "axs/cli/twin.h"

namespace axs::cli {

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(std::make_unique<RunCommand>());
  commands.push_back(std::make_unique<TwinCommand>());
  commands.push_back(std::make_unique<RunsCommand>());
  commands.push_back(std::make_unique<ConfigCommand>());
  commands.push_back(std::make_unique<LedgerCommand>());
  commands.push_back(std::make_unique<ReportCommand>());
  commands.push_back(std::make_unique<ExplainCommand>());
  commands.push_back(std::make_unique<MetricsCommand>());
  commands.push_back(std::make_unique<LinkCommand>());
  commands.push_back(std::make_unique<SkyCommand>());
  commands.push_back(std::make_unique<PlanCommand>());
  commands.push_back(std::make_unique<AuditCommand>());
  commands.push_back(std::make_unique<EmulateCommand>());
  commands.push_back(std::make_unique<DoctorCommand>());
  commands.push_back(std::make_unique<AgentCommand>());
  commands.push_back(std::make_unique<ControllerCommand>());
  commands.push_back(std::make_unique<UnderlayCommand>());
  return commands;
}

}  // namespace axs::cli
