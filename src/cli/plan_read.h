#pragma once

#include <string>
#include <string_view>

#include "axs/config/job.h"
#include "axs/plan/training_plan.h"

namespace axs::cli {

/// The plan that `axs plan JOB --json` has printed of this job; `file` is its name for errors.
/// Sites and accelerators are those of the job's fleet, whose devices are not counted: fewer may be
/// left than when the plan was made. All else is checked, and a key that no plan has is an error,
/// as one that is missing. Errors name file, place, what was seen and what was wanted.
Result<plan::TrainingPlan> parse_plan(std::string_view text, const std::string& file,
                                      const config::PlannedJob& job);
Result<std::string> read_plan_text(const std::string& file);
/// Both in turn.
Result<plan::TrainingPlan> read_plan(const std::string& file, const config::PlannedJob& job);

}  // namespace axs::cli
