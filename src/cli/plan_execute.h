#pragma once

#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/cli/job.h"
#include "axs/cli/machine.h"
#include "axs/config/job.h"
#include "axs/plan/breakdown.h"
#include "axs/record/history.h"
#include "axs/twin/worker_model.h"

namespace axs::cli {

/// A plan that was read for a job, and the job as the plan wants it carried out.
struct PlannedRun {
  config::PlannedJob job;
  plan::TrainingPlan plan;
  plan::PlanBreakdown broken;
  /// At the sites of the plan alone; who computes what, and what sites exchange when, is the
  /// plan's. All else is the job's.
  catalog::Scenario scenario{};
  std::string basis{};  ///< where the speeds of its devices are from
  std::string text{};   ///< the plan as its file has it, if it came from one
};

/// The scenario of `flags`, which need not be one that our own workers can train, with the plan in
/// `file`. An error if the plan needs devices that the fleet has not, or a way between its sites.
Result<PlannedRun> read_planned_run(const JobFlags& flags, const std::string& file);

/// The same of a plan that was found for the job; `name` is what errors call it.
Result<PlannedRun> planned_run(config::PlannedJob job, plan::TrainingPlan plan,
                               const plan::Calibration& calibration, const std::string& name);

/// An error that names the first thing of the plan that our own workers, which run on processors
/// and are data parallel, cannot carry out; `file` is the name of the plan.
Result<> check_workers(const PlannedRun& run, const std::string& file);

/// An error if the machine cannot hold the plan's replicas, which are a thread each: if very many
/// would take turns on a core, or by the memory that each needs at least.
Result<> check_host(const PlannedRun& run, const Capacity& host, const std::string& file);

/// What a site does in a step, without exchanges between sites.
Seconds site_step(const PlannedRun& run, std::uint32_t site);

/// Workers as fast as the plan says, at the sites of its scenario.
std::vector<twin::WorkerSpeed> planned_speeds(const PlannedRun& run);

/// "exchanged every 100 steps in 8 fragments of 16 bits"
std::string exchange_text(const catalog::OuterRule& outer);

/// What sites and their replicas will do, in a line.
std::string work_text(const catalog::Scenario& scenario);

/// For the record of a run of the plan.
catalog::Planned planned_fact(const PlannedRun& run);

/// What was foreseen of a run beside what came of it: one line for each; empty if nothing was.
std::string outcome_beside(const record::History& history, const catalog::Scenario& scenario);

}  // namespace axs::cli
