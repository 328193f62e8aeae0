#include "axs/twin/power_meter.h"

#include <algorithm>

#include "axs/core/assert.h"

namespace axs::twin {

Joules PowerUse::energy() const {
  Joules sum{};
  for (const Site& site : sites) sum += site.energy;
  return sum;
}

void PowerMeter::pass(Instant now) {
  AXS_ASSERT(now >= since_);
  if (now == since_) return;
  const Seconds span{(now - since_).seconds()};
  since_ = now;
  Watts all{};
  for (std::size_t i = 0; i < power_.size(); ++i) {
    use_.sites[i].energy += power_[i] * span;
    use_.sites[i].most = std::max(use_.sites[i].most, power_[i]);
    all += power_[i];
  }
  use_.most = std::max(use_.most, all);
}

}  // namespace axs::twin
