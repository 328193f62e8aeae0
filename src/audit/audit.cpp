#include "axs/audit/audit.h"

#include <fmt/format.h>

#include <algorithm>

#include "axs/audit/calculations.h"

namespace axs::audit {

namespace {

const Calculation* calculation_of(std::uint32_t claim) {
  for (const auto all :
       {network_calculations(), capacity_calculations(), training_calculations()}) {
    const auto found = std::ranges::find(all, claim, &Calculation::claim);
    if (found != all.end()) return &*found;
  }
  return nullptr;
}

}  // namespace

std::string interval_text(const Interval& interval) {
  if (interval.seeds.empty())
    return fmt::format("nine times of ten {:.3g} to {:.3g} {}", interval.low, interval.high,
                       interval.of);
  return fmt::format("seeds {}: {:.4g} to {:.4g} {}", interval.seeds, interval.low, interval.high,
                     interval.of);
}

Result<Audited> audit(const Claim& claim, const plan::Facts& facts) {
  const Calculation* calculation = calculation_of(claim.id);
  if (claim.known.has_value() == (calculation != nullptr))
    return Error{Errc::invalid, fmt::format("claim {}: {} a finding, want exactly one", claim.id,
                                            calculation ? "both a calculation and" : "without")};
  if (!calculation) return Audited{claim, *claim.known};
  Finding finding = AXS_TRY(calculation->work_out(facts));
  if (finding.command.empty()) finding.command = fmt::format("axs audit {}", claim.id);
  return Audited{claim, std::move(finding)};
}

}  // namespace axs::audit
