#include "axs/twin/power_meter.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::twin;

TEST_CASE("power meter: energy is power times time, and the most of all is of one moment") {
  PowerMeter meter{2};
  const auto at = [](std::int64_t second) { return Instant{} + seconds(second); };
  meter.set(at(0), SiteId{0}, Watts{100});
  meter.set(at(10), SiteId{0}, Watts{30});
  meter.set(at(10), SiteId{1}, Watts{50});
  meter.set(at(14), SiteId{1}, Watts{5});
  const PowerUse& use = meter.read(at(20));
  CHECK(use.sites[0].energy.value() == 100 * 10 + 30 * 10);
  CHECK(use.sites[1].energy.value() == 50 * 4 + 5 * 6);
  CHECK(use.energy().value() == 1'530);
  CHECK(use.sites[0].most.value() == 100);
  CHECK(use.sites[1].most.value() == 50);
  CHECK(use.most.value() == 100);  // At 10 s it went from 100 to 80.
}

TEST_CASE("power meter: what lasts for no time is no peak") {
  PowerMeter meter{1};
  meter.set(Instant{}, SiteId{0}, Watts{900});
  meter.set(Instant{}, SiteId{0}, Watts{10});
  CHECK(meter.read(Instant{} + seconds(1)).most.value() == 10);
}
