#include "axs/fabric/active_faults.h"

#include "axs/core/assert.h"

namespace axs::fabric {

void ActiveFaults::begin(const catalog::Fault& fault) {
  if (const auto* cut = std::get_if<catalog::CutLink>(&fault.what)) ++cuts_[cut->link];
  if (const auto* slow = std::get_if<catalog::SlowSite>(&fault.what))
    slowed_[slow->site].insert(slow->factor);
}

void ActiveFaults::end(const catalog::Fault& fault) {
  if (const auto* cut = std::get_if<catalog::CutLink>(&fault.what)) {
    const auto count = cuts_.find(cut->link);
    AXS_ASSERT(count != cuts_.end());
    if (--count->second == 0) cuts_.erase(count);
  }
  if (const auto* slow = std::get_if<catalog::SlowSite>(&fault.what)) {
    auto& factors = slowed_[slow->site];
    const auto factor = factors.find(slow->factor);
    AXS_ASSERT(factor != factors.end());
    factors.erase(factor);
  }
}

/// Multiplied anew in the order of their size: what has ended leaves no rounding behind.
double ActiveFaults::slowness(SiteId site) const {
  const auto slowed = slowed_.find(site);
  double product = 1;
  if (slowed != slowed_.end())
    for (const double factor : slowed->second) product *= factor;
  return product;
}

}  // namespace axs::fabric
