#include "axs/fabric/active_faults.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::fabric;

namespace {

catalog::Fault cut(std::uint32_t link) {
  return {.at = Duration{}, .what = catalog::CutLink{LinkId{link}, seconds(1)}};
}
catalog::Fault slow(std::uint32_t site, double factor) {
  return {.at = Duration{}, .what = catalog::SlowSite{SiteId{site}, factor, seconds(1)}};
}

}  // namespace

TEST_CASE("active faults: a link that two faults cut is whole when both have ended") {
  ActiveFaults faults;
  CHECK_FALSE(faults.is_cut(LinkId{0}));
  faults.begin(cut(0));
  faults.begin(cut(0));
  faults.begin(cut(1));
  faults.end(cut(0));
  CHECK(faults.is_cut(LinkId{0}));
  faults.end(cut(0));
  CHECK_FALSE(faults.is_cut(LinkId{0}));
  CHECK(faults.is_cut(LinkId{1}));
}

TEST_CASE("active faults: a site that two faults slow is slower than by one, and fast in the end") {
  ActiveFaults faults;
  CHECK(faults.slowness(SiteId{2}) == 1);
  for (const double factor : {3.0, 1.1, 1.1}) faults.begin(slow(2, factor));
  CHECK(faults.slowness(SiteId{2}) == doctest::Approx(3.63));
  CHECK(faults.slowness(SiteId{1}) == 1);
  faults.end(slow(2, 3));
  faults.end(slow(2, 1.1));
  CHECK(faults.slowness(SiteId{2}) == 1.1);
  faults.end(slow(2, 1.1));
  CHECK(faults.slowness(SiteId{2}) == 1);
}

TEST_CASE("active faults: what happens in an instant leaves nothing behind") {
  ActiveFaults faults;
  faults.begin({.at = Duration{}, .what = catalog::KillProcess{.site = SiteId{0}}});
  CHECK(faults.slowness(SiteId{0}) == 1);
}
