#pragma once

#include "axs/audit/claim.h"
#include "axs/core/result.h"
#include "axs/plan/facts.h"

namespace axs::cli {

/// Claim 20 as the twin of fleets has it, over seeds: what `finding` of it is by the model alone
/// comes after that. Takes a few seconds.
Result<audit::Finding> played(audit::Finding finding, const plan::Facts& facts);

}  // namespace axs::cli
