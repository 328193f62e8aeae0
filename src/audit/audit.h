#pragma once

#include "axs/audit/claim.h"
#include "axs/core/result.h"
#include "axs/plan/facts.h"

namespace axs::audit {

/// What became of each claim, in their order. An error names a claim that has neither a finding nor
/// a calculation, or both, and an accelerator that a calculation wants and the facts lack.
Result<std::vector<Audited>> audit(const std::vector<Claim>& claims, const plan::Facts& facts);

}  // namespace axs::audit
