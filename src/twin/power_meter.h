#pragma once

#include <vector>

#include "axs/core/id.h"
#include "axs/core/time.h"
#include "axs/core/units.h"

namespace axs::twin {

/// What sites have drawn, and the most that they drew for any time at all.
struct PowerUse {
  struct Site {
    Joules energy{};
    Watts most{};
  };
  std::vector<Site> sites;
  Watts most{};  ///< of all at once

  Joules energy() const;
};

/// Adds it up. Time never goes back.
class PowerMeter {
 public:
  explicit PowerMeter(std::size_t sites) : power_(sites) { use_.sites.resize(sites); }

  /// From now on.
  void set(Instant now, SiteId site, Watts power) {
    pass(now);
    power_[site.value] = power;
  }
  /// Until now.
  const PowerUse& read(Instant now) {
    pass(now);
    return use_;
  }

 private:
  void pass(Instant now);

  std::vector<Watts> power_;
  PowerUse use_;
  Instant since_{};
};

}  // namespace axs::twin
