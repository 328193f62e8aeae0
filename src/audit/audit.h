#pragma once

#include "axs/audit/claim.h"
#include "axs/core/result.h"
#include "axs/plan/facts.h"

namespace axs::audit {

/// What became of a claim. An error if it has neither a finding nor a calculation, or both, and if
/// a calculation wants an accelerator that the facts lack. Calculations that search for plans take
/// a second.
Result<Audited> audit(const Claim& claim, const plan::Facts& facts);

}  // namespace axs::audit
