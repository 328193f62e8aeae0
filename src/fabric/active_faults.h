#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "axs/catalog/scenario.h"

namespace axs::fabric {

/// What the faults that have begun and not ended do together, in every world alike. A link is cut
/// as long as any fault cuts it. A site is slowed by the product of their factors: each says how
/// many times longer a step takes than without it, whatever else slows the site.
class ActiveFaults {
 public:
  void begin(const catalog::Fault& fault);
  /// One that has begun.
  void end(const catalog::Fault& fault);

  bool is_cut(LinkId link) const { return cuts_.contains(link); }
  /// 1: as fast as it can be.
  double slowness(SiteId site) const;

 private:
  std::map<LinkId, std::uint32_t> cuts_;  ///< how many faults cut it, at least one
  std::map<SiteId, std::multiset<double>> slowed_;
};

}  // namespace axs::fabric
