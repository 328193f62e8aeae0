#include <doctest/doctest.h>

#include <algorithm>

#include "axs/live/node_testing.h"
#include "axs/live/run_testing.h"
#include "axs/net/link_presets.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

/// Whether it comes to hold within a minute; looked at every 10 ms.
template <class Condition>
bool comes(Condition condition) {
  for (int i = 0; i < 6'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

TEST_CASE(
    "failover: real agents' networks leave a cut link for the other, and come back by order") {
  constexpr SiteId west{0}, east{1};
  constexpr net::PathId first{0}, second{1};
  const auto gigabit = bits_per_second(1e9);
  const auto network = must(NodeNetwork::open(2,
                                              {{west, east, net::fibre(milliseconds(1), gigabit)},
                                               {west, east, net::fibre(milliseconds(3), gigabit)}},
                                              false));
  Node& sender = *network->nodes[0];
  Node& receiver = *network->nodes[1];
  const auto on = [&](net::PathId path) {
    const auto route = sender.route(east);
    return route && route->primary == path;
  };
  sender.stream(east, milliseconds(2));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(comes([&] { return sender.up(east, first) && sender.up(east, second); }));
    sender.order(east, {first, second});
    const auto arrives_on = [&](net::PathId path) {
      const auto turns = receiver.received();
      return !turns.empty() && turns.back().path == path;
    };
    REQUIRE(comes([&] { return on(first) && arrives_on(first); }));
    must(network->cut(LinkId{0}));
    CHECK(comes([&] { return on(second) && arrives_on(second); }));
    CHECK_FALSE(sender.up(east, first));
    CHECK(sender.moves().back().what.reason == net::RouteReason::cut);
    must(network->heal(LinkId{0}));
  }
}
