#include "axs/audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

/// In digits that people read, whatever its size.
std::string number_text(double number, int digits) {
  return std::abs(number) < 1000 ? fmt::format("{:.{}g}", number, digits)
                                 : fmt::format("{:.0f}", number);
}

}  // namespace

std::string interval_text(const Interval& interval) {
  const bool seeded = !interval.seeds.empty();
  const int digits = seeded ? 4 : 3;
  return (seeded ? "seeds " + interval.seeds + ": " : "nine times of ten ") +
         number_text(interval.low, digits) + " to " + number_text(interval.high, digits) + " " +
         interval.of;
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
