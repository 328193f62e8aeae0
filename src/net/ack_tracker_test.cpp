#include "axs/net/ack_tracker.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::net;

using Asks = AckTracker::Asks;

TEST_CASE("an acknowledgement is due after some packets or some time") {
  AckTracker tracker{{.packets = 3, .delay = milliseconds(2)}};
  tracker.received(Instant{1000}, 0, Asks::nothing);
  CHECK(!tracker.due());
  tracker.received(Instant{2000}, 1, Asks::acknowledgement);
  CHECK(tracker.due() == Instant{2000} + milliseconds(2));
  tracker.received(Instant{3000}, 2, Asks::acknowledgement);
  tracker.received(Instant{4000}, 4, Asks::acknowledgement);
  CHECK(tracker.due() == Instant{4000});
  const AckFrame ack = tracker.make(Instant{9000}, PathId{2});
  CHECK(ack == AckFrame{PathId{2}, 5, 4, {{4, 4}, {0, 2}}});
  CHECK(!tracker.due());
}

TEST_CASE("memory and frames are bounded and what is new is reported") {
  AckTracker tracker{{.packets = 1000, .delay = milliseconds(2)}};
  for (std::uint64_t n = 0; n < 1000; n += 2) tracker.received(Instant{}, n, Asks::acknowledgement);
  const AckFrame many = tracker.make(Instant{}, PathId{});
  CHECK(many.ranges.size() == max_ack_ranges);
  CHECK(many.ranges.front() == PacketRange{998, 998});
  tracker.received(Instant{}, 1000, Asks::acknowledgement);
  CHECK(tracker.make(Instant{}, PathId{}).ranges.size() < 8);
}
