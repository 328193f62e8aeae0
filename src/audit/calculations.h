#pragma once

#include <cstdint>
#include <span>

#include "axs/audit/claim.h"
#include "axs/core/result.h"
#include "axs/plan/facts.h"

namespace axs::audit {

/// How the finding of a claim is worked out. If nothing shows it better than the audit itself, the
/// command is empty.
struct Calculation {
  std::uint32_t claim;
  Result<Finding> (*work_out)(const plan::Facts& facts);
};

/// By the speed of light, on the ground and through the sky.
std::span<const Calculation> network_calculations();
/// By data sheets and the cost model's collectives.
std::span<const Calculation> capacity_calculations();
/// By X-Ray's search, and what exchanges between sites cost.
std::span<const Calculation> training_calculations();

}  // namespace axs::audit
