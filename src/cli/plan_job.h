#pragma once

#include <string>

#include "axs/cli/command.h"
#include "axs/cli/plan_jointly.h"
#include "axs/config/job.h"
#include "axs/plan/wanted_plan.h"

namespace axs::cli {

struct PlanView;

/// The best plan of a job on its fleet, or several none of which is best in all.
class PlanJob {
 public:
  void declare(CLI::App& app);
  Result<ExitCode> run();

 private:
  void print_frontier(const PlanOverLinks& planned, Patience& patience) const;
  Result<std::string> text(const PlanView& view, const JointPlan& joint,
                           const std::string& basis) const;

  std::string file_;
  std::string limit_;
  std::string trace_;
  std::string page_;
  std::string emit_;
  std::string objective_;
  bool frontier_ = false;
  bool explain_ = false;
  bool json_ = false;
};

}  // namespace axs::cli
