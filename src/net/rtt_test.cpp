#include "axs/net/rtt.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::net;

TEST_CASE("the least round trip follows a longer route within ten seconds") {
  for (const std::int64_t epoch : {0, -13, -7200}) {
    const auto at = [epoch](std::int64_t s) { return Instant{} + seconds(epoch + s); };
    RttEstimator rtt;
    for (std::int64_t s = 0; s < 15; ++s) rtt.sample(at(s), milliseconds(50), Duration{});
    CHECK(rtt.least() == milliseconds(50));
    rtt.sample(at(15), milliseconds(80), Duration{});
    CHECK(rtt.least() == milliseconds(50));
    for (std::int64_t s = 16; s < 26; ++s) rtt.sample(at(s), milliseconds(80), Duration{});
    CHECK(rtt.least() == milliseconds(80));
    rtt.sample(at(26), milliseconds(40), Duration{});
    CHECK(rtt.least() == milliseconds(40));
  }
}

TEST_CASE("the peer's own delay is taken off, but never below the least round trip") {
  RttEstimator rtt;
  rtt.sample(Instant{}, milliseconds(100), Duration{});
  CHECK(rtt.smoothed() == milliseconds(100));
  rtt.sample(Instant{}, milliseconds(110), milliseconds(10));
  CHECK(rtt.latest() == milliseconds(100));
  rtt.sample(Instant{}, milliseconds(110), seconds(1000));
  CHECK(rtt.latest() == milliseconds(110));
}
