#pragma once

#include <string>

#include "axs/cli/patience.h"
#include "axs/config/job.h"
#include "axs/plan/facts.h"

namespace axs::cli {

/// For a job whose model has no room: how many times as many devices at each site would have room,
/// in powers of two, and the plan that they find. Empty if a thousand times as many have none.
std::string room_text(const config::PlannedJob& job, const plan::Facts& facts, Patience& patience);

}  // namespace axs::cli
