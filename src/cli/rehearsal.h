#pragma once

#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/core/result.h"
#include "axs/fabric/link_plan.h"
#include "axs/live/run_plan.h"
#include "axs/record/history.h"
#include "axs/twin/worker_model.h"

namespace axs::cli {

/// A run's first steps, run for real with all sites at work and thrown away: so the twin knows how
/// fast this machine is before the run begins.
struct Rehearsal {
  /// Steps of each site.
  static constexpr std::uint64_t steps = 50;
  /// A job of fewer steps at each site is over before a rehearsal would pay.
  static constexpr std::uint64_t worthwhile = 5 * steps;

  std::vector<twin::WorkerSpeed> workers;  ///< By site.
  Duration launching;  ///< Until all workers are ready, beyond what a worker needs by itself.
  Duration finishing;  ///< What evaluating, writing the model and ending will take.
};

/// Whether the job is long enough for a rehearsal.
bool deserves_rehearsal(const catalog::Scenario& scenario);

/// Rehearses the job in a hidden folder under `runs`, which is gone afterwards unless something
/// failed, and returns the record. Errc::unavailable if the user has ended it.
Result<record::History> rehearse(live::NewRun job, const std::string& runs,
                                 const std::string& program);

/// What the record of such a short run says of its workers; those with the same work are taken to
/// be as fast as each other. Error if it says too little.
Result<Rehearsal> measured(const catalog::Scenario& scenario, const record::History& history);

/// How fast the workers of a live run of the scenario were; `folder` holds its record. What faults
/// did to them is in their means.
Result<std::vector<twin::WorkerSpeed>> speeds_of_run(const catalog::Scenario& scenario,
                                                     const std::string& folder);

/// What the twin makes of it. Error if not even the first minutes merge anything.
Result<catalog::Predicted> predict(const catalog::Scenario& scenario,
                                   const std::vector<fabric::LinkPlan>& links,
                                   const Rehearsal& rehearsal);

}  // namespace axs::cli
