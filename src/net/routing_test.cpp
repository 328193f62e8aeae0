#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "axs/net/link_presets.h"
#include "axs/net/routing_testing.h"

namespace axs::net {
namespace {

using testing::Clock;
using testing::RoutedNetwork;
using testing::Wire;

constexpr SiteId sfo{0}, fra{1}, tyo{2};
constexpr LinkId fibre_sf{0}, leo_sf{1}, fibre_st{2}, fibre_ft{3}, leo_st{4}, leo_ft{5};
const auto gigabit = bits_per_second(1e9);

Wire fibre_wire(LinkId id, SiteId a, SiteId b, Duration one_way) {
  const PipeConfig pipe = fibre(one_way, gigabit);
  return {{id, a, b, one_way, gigabit, gigabit}, pipe, pipe};
}
Wire leo_wire(LinkId id, SiteId a, SiteId b, Duration one_way) {
  const auto rate = bits_per_second(3e8);
  const PipeConfig pipe = leo(LeoTerminal::gateway, one_way, rate);
  return {{id, a, b, one_way, rate, rate}, pipe, pipe};
}
Wire dish_wire(LinkId id, SiteId a, SiteId b, Duration one_way) {
  const auto down = bits_per_second(2e8), up = bits_per_second(4e7);
  return {{id, a, b, one_way, up, down},
          leo(LeoTerminal::consumer_up, one_way, up),
          leo(LeoTerminal::consumer_down, one_way, down)};
}

/// The delays of the fibres and of the sky are those of network.md: LEO wins everywhere.
RoutedNetwork::Config three_continents() {
  return {.sites = {sfo, fra, tyo},
          .wires = {fibre_wire(fibre_sf, sfo, fra, milliseconds(64)),
                    leo_wire(leo_sf, sfo, fra, microseconds(36'500)),
                    fibre_wire(fibre_st, sfo, tyo, milliseconds(58)),
                    fibre_wire(fibre_ft, fra, tyo, milliseconds(66)),
                    leo_wire(leo_st, sfo, tyo, milliseconds(34)),
                    leo_wire(leo_ft, fra, tyo, milliseconds(38))},
          .controller = sfo};
}

/// Two sites, a fibre and a sky that is faster, no controller.
RoutedNetwork::Config two_sites() {
  return {.sites = {sfo, fra},
          .wires = {fibre_wire(fibre_sf, sfo, fra, milliseconds(64)),
                    leo_wire(leo_sf, sfo, fra, microseconds(36'500))}};
}

std::vector<std::uint32_t> links_used(RoutedNetwork& net, SiteId from, SiteId to,
                                      TrafficClass traffic = TrafficClass::gradient) {
  std::vector<std::uint32_t> ids;
  const auto& paths = net.topology().paths(from, to);
  const PathId primary = net.route(from, to, traffic).primary;
  if (primary.value < paths.size())
    for (const LinkId link : paths[primary.value].span()) ids.push_back(link.value);
  return ids;
}
using Links = std::vector<std::uint32_t>;

std::size_t count_moves(const std::vector<RoutedNetwork::Logged>& log, SiteId from, SiteId to,
                        Instant since) {
  return static_cast<std::size_t>(std::count_if(log.begin(), log.end(), [&](const auto& entry) {
    return entry.at >= since && entry.what.from == from && entry.what.to == to &&
           entry.what.traffic == TrafficClass::gradient;
  }));
}

bool said(const std::vector<RoutedNetwork::Logged>& log, SiteId from, SiteId to,
          RouteReason reason) {
  return std::any_of(log.begin(), log.end(), [&](const auto& entry) {
    return entry.what.from == from && entry.what.to == to && entry.what.reason == reason;
  });
}

TEST_CASE("alone, agents find the fastest path and a disjoint backup within two seconds") {
  RoutedNetwork net{two_sites()};
  net.run(seconds(2));
  CHECK(links_used(net, sfo, fra) == Links{1});
  CHECK(links_used(net, fra, sfo) == Links{1});
  const ClassRoute route = net.route(sfo, fra);
  REQUIRE(route.backup);
  CHECK(net.topology().paths(sfo, fra)[route.backup->value].links[0] == fibre_sf);
}

TEST_CASE("a cut moves traffic within the silence limit, and the controller brings it back") {
  RoutedNetwork net{three_continents()};
  net.run(seconds(90));
  REQUIRE(links_used(net, sfo, fra) == Links{1});
  const Instant cut_at = net.now();
  const Duration limit = net.monitor(sfo, fra).silence_limit(net.route(sfo, fra).primary);
  net.cut(leo_sf);
  net.run(seconds(30));
  REQUIRE(count_moves(net.moves, sfo, fra, cut_at) == 1);
  CHECK(links_used(net, sfo, fra) == Links{0});
  const auto moved = std::find_if(net.moves.begin(), net.moves.end(), [&](const auto& entry) {
    return entry.at > cut_at && entry.what.from == sfo && entry.what.to == fra;
  });
  CHECK(moved->what.reason == RouteReason::cut);
  CHECK(moved->at - cut_at <= limit + milliseconds(37 + 60));

  const Instant healed_at = net.now();
  net.heal(leo_sf);
  net.run(seconds(9));
  CHECK(links_used(net, sfo, fra) == Links{0});  // Held down.
  net.run(seconds(6));
  CHECK(links_used(net, sfo, fra) == Links{1});
  CHECK(count_moves(net.controller_log, sfo, fra, healed_at) == 1);
  CHECK(said(net.controller_log, sfo, fra, RouteReason::recovered));
}

TEST_CASE("after a cut traffic takes whichever is faster, the other link or a third site") {
  for (const bool slow_sky : {false, true}) {
    CAPTURE(slow_sky);
    auto config = three_continents();
    config.wires[0] = fibre_wire(fibre_sf, sfo, fra, milliseconds(30));
    // 68 ms over the sky through Tokyo, against a sky of its own of 36 or 90 ms.
    config.wires[1] = leo_wire(leo_sf, sfo, fra, milliseconds(slow_sky ? 90 : 36));
    RoutedNetwork net{config};
    net.run(seconds(90));
    REQUIRE(links_used(net, sfo, fra) == Links{0});
    net.cut(fibre_sf);
    net.run(seconds(2));
    CHECK(links_used(net, sfo, fra) == (slow_sky ? Links{4, 5} : Links{1}));
    CHECK(links_used(net, fra, sfo) == (slow_sky ? Links{5, 4} : Links{1}));
  }
}

TEST_CASE("without the controller agents leave a cut alone, and return by order later") {
  RoutedNetwork net{three_continents()};
  net.run(seconds(90));
  net.kill_controller();
  net.run(seconds(10));
  const Instant cut_at = net.now();
  net.cut(leo_sf);
  net.run(seconds(10));
  CHECK(links_used(net, sfo, fra) == Links{0});
  net.heal(leo_sf);
  net.run(seconds(50));
  CHECK(links_used(net, sfo, fra) == Links{0});  // Nobody has ordered otherwise.
  CHECK(count_moves(net.moves, sfo, fra, cut_at) == 1);
  net.start_controller();
  net.run(seconds(40));
  CHECK(links_used(net, sfo, fra) == Links{1});
  CHECK(net.refused == 0);
}

TEST_CASE("orders of an earlier controller or an earlier epoch are refused") {
  RoutedNetwork net{three_continents()};
  net.run(seconds(5));
  net.kill_controller();
  net.start_controller();
  net.run(seconds(60));
  REQUIRE(net.orders.size() > 6);
  const auto before = net.route(sfo, fra);
  const auto given = std::count_if(net.orders.begin(), net.orders.end(), [](const auto& order) {
    return order.from == sfo && order.to == fra;
  });
  REQUIRE(given >= 1);
  for (const std::uint64_t epoch : {1u, 100'000u}) {
    RouteOrder stale{{1, epoch}, sfo, fra, {}};
    stale.routes.fill(ClassRoute{PathId{2}, PathId{3}});
    net.feed(sfo, fra, OrderReceived{stale});
  }
  CHECK(net.refused == 2);
  CHECK(net.route(sfo, fra) == before);
}

TEST_CASE("an order for another pair or for a path that does not exist is refused") {
  RoutedNetwork net{two_sites()};
  net.run(seconds(3));
  const auto before = net.route(sfo, fra);
  RouteOrder order{{5, 1}, fra, sfo, {}};
  order.routes.fill(ClassRoute{PathId{1}, {}});
  net.feed(sfo, fra, OrderReceived{order});
  order = {{5, 1}, sfo, fra, {}};
  order.routes.fill(ClassRoute{PathId{9}, {}});
  net.feed(sfo, fra, OrderReceived{order});
  CHECK(net.refused == 2);
  CHECK(net.route(sfo, fra) == before);
}

/// Packets every 10 ms, from both ends, for so long.
void run_busy(RoutedNetwork& net, SiteId a, SiteId b, Duration span) {
  for (const Instant end = net.now() + span; net.now() < end; net.run(milliseconds(10))) {
    net.feed(a, b, LinkNeeded{});
    net.feed(b, a, LinkNeeded{});
  }
}

Duration first_move(const RoutedNetwork& net, SiteId from, SiteId to, Instant since) {
  for (const auto& entry : net.moves)
    if (entry.at >= since && entry.what.from == from && entry.what.to == to)
      return entry.at - since;
  return Duration{-1};
}

TEST_CASE("while traffic flows a steady link's cut is seen within 5 ms of its last packet") {
  for (const std::uint64_t seed : {1u, 2u}) {
    CAPTURE(seed);
    auto config = two_sites();
    config.seed = seed;
    config.wires[0] = fibre_wire(fibre_sf, sfo, fra, milliseconds(5));
    RoutedNetwork net{config};
    net.run(seconds(65));
    run_busy(net, sfo, fra, seconds(150));
    net.run(microseconds(static_cast<std::int64_t>(137 * seed)));
    REQUIRE(links_used(net, sfo, fra) == Links{0});
    const Instant cut_at = net.now();
    net.cut(fibre_sf);
    net.run(milliseconds(40));
    for (const auto& [from, to] : {std::pair{sfo, fra}, {fra, sfo}}) {
      const Duration moved = first_move(net, from, to, cut_at);
      CHECK(moved >= milliseconds(5));
      CHECK(moved <= milliseconds(5 + 5));
    }
  }
}

TEST_CASE("a cut beyond a relay is known one propagation after the relay knows it") {
  // sfo reaches tyo over fra only, on two fibres; another way is longer.
  const SiteId syd{3};
  RoutedNetwork net{{.sites = {sfo, fra, tyo, syd},
                     .wires = {fibre_wire(LinkId{0}, sfo, fra, milliseconds(8)),
                               fibre_wire(LinkId{1}, fra, tyo, milliseconds(4)),
                               fibre_wire(LinkId{2}, sfo, syd, milliseconds(30)),
                               fibre_wire(LinkId{3}, syd, tyo, milliseconds(30)),
                               fibre_wire(LinkId{4}, fra, syd, milliseconds(30))}}};
  net.run(seconds(65));
  REQUIRE(links_used(net, sfo, tyo) == Links{0, 1});
  run_busy(net, sfo, tyo, seconds(12));
  const Instant cut_at = net.now();
  net.cut(LinkId{1});
  net.run(milliseconds(60));
  const Duration relay = first_move(net, fra, tyo, cut_at);
  const Duration source = first_move(net, sfo, tyo, cut_at);
  CHECK(relay <= milliseconds(4 + 20 + 5));  // fra's witness is probed every 20 ms.
  REQUIRE(source > Duration{});
  CHECK(source <= relay + milliseconds(8 + 1));
  CHECK(links_used(net, sfo, tyo) == Links{2, 3});
  net.heal(LinkId{1});
  net.run(seconds(3));
  CHECK(net.monitor(sfo, tyo).up(PathId{0}));
}

TEST_CASE("steps of 30 ms every 15 s do not make traffic flap") {
  auto config = three_continents();
  config.wires[0] = fibre_wire(fibre_sf, sfo, fra, milliseconds(50));
  RoutedNetwork net{config};
  net.run(seconds(60));
  const Instant since = net.now();
  for (int i = 0; i < 40; ++i) {
    net.set_delay(leo_sf, microseconds(36'500) + milliseconds(i % 2 == 0 ? 30 : 0));
    net.run(seconds(15));
  }
  CHECK(count_moves(net.moves, sfo, fra, since) == 0);
  CHECK(std::none_of(net.path_events.begin(), net.path_events.end(),
                     [&](const auto& event) { return event.at >= since && !event.up; }));
}

TEST_CASE("a path that stays slower after a jump is left, and the log says handover") {
  auto config = three_continents();
  config.wires[0] = fibre_wire(fibre_sf, sfo, fra, milliseconds(50));
  RoutedNetwork net{config};
  net.run(seconds(60));
  const Instant since = net.now();
  net.set_delay(leo_sf, milliseconds(90));
  net.run(seconds(19));
  CHECK(count_moves(net.moves, sfo, fra, since) == 0);
  net.run(seconds(6));
  CHECK(links_used(net, sfo, fra) == Links{0});
  CHECK(said(net.controller_log, sfo, fra, RouteReason::handover));
}

TEST_CASE("slow degradation moves traffic once") {
  auto config = three_continents();
  config.wires[0] = fibre_wire(fibre_sf, sfo, fra, milliseconds(50));
  RoutedNetwork net{config};
  net.run(seconds(60));
  const Instant since = net.now();
  for (int ms = 0; ms < 300; ++ms) {
    net.set_delay(leo_sf, microseconds(36'500 + 100 * ms));
    net.run(milliseconds(500));
  }
  CHECK(links_used(net, sfo, fra) == Links{0});
  CHECK(count_moves(net.moves, sfo, fra, since) == 1);
}

TEST_CASE("a flapping link attracts traffic at most once per damping period") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    auto config = three_continents();
    config.seed = seed;
    RoutedNetwork net{config};
    net.run(seconds(65));
    const Instant since = net.now();
    Rng rng{seed};
    for (int i = 0; i < 15; ++i) {
      net.cut(leo_sf);
      net.run(milliseconds(300 + static_cast<std::int64_t>(rng.below(4'000))));
      net.heal(leo_sf);
      net.run(milliseconds(300 + static_cast<std::int64_t>(rng.below(16'000))));
    }
    std::vector<Instant> returns;
    for (const auto& entry : net.moves)
      if (entry.at >= since && entry.what.from == sfo && entry.what.to == fra &&
          entry.what.traffic == TrafficClass::gradient && entry.what.reason != RouteReason::cut)
        returns.push_back(entry.at);
    for (std::size_t i = 1; i < returns.size(); ++i)
      CHECK(returns[i] - returns[i - 1] >= seconds(10));
    CHECK(returns.size() <= 4);  // 10, 20, 40, 80 s: the hold-down doubles.
  }
}

/// What a run did, in true time to the millisecond, for comparing runs.
std::vector<std::string> story(const RoutedNetwork& net) {
  std::vector<std::string> lines;
  for (const auto& entry : net.moves) {
    const auto& what = entry.what;
    lines.push_back(std::to_string(what.from.value) + ">" + std::to_string(what.to.value) + " " +
                    std::string{enum_name(what.traffic)} + " to " +
                    std::to_string(what.new_path.value) + " " +
                    std::string{enum_name(what.reason)});
  }
  return lines;
}

TEST_CASE("clocks that differ by hours and drift by 500 ppm change nothing but rounding") {
  const auto play = [](std::vector<Clock> clocks) {
    auto config = three_continents();
    config.clocks = std::move(clocks);
    RoutedNetwork net{config};
    net.run(seconds(70));
    net.cut(leo_sf);
    net.run(seconds(20));
    net.heal(leo_sf);
    net.run(seconds(30));
    std::vector<Duration> rtts;
    for (std::size_t i = 0; i < 4; ++i)
      rtts.push_back(net.monitor(sfo, fra).estimator(PathId{static_cast<std::uint8_t>(i)}).least());
    auto lines = story(net);
    std::sort(lines.begin(), lines.end());
    return std::pair{lines, rtts};
  };
  const auto [plain, rtts] = play({});
  const auto [skewed, skewed_rtts] =
      play({{seconds(7'200), 500}, {seconds(-36'000), -500}, {seconds(1), 300}});
  CHECK(plain == skewed);
  REQUIRE(plain.size() >= 18);
  for (std::size_t i = 0; i < rtts.size(); ++i)
    CHECK(skewed_rtts[i].seconds() == doctest::Approx(rtts[i].seconds()).epsilon(0.002));
}

TEST_CASE("a peer whose process stands still loses no path") {
  for (const int ms : {150, 400, 1'000, 1'900}) {
    CAPTURE(ms);
    RoutedNetwork net{two_sites()};
    net.run(seconds(90));
    const auto before = net.path_events.size();
    net.freeze(fra);
    net.run(milliseconds(ms));
    net.thaw(fra);
    net.run(seconds(2));
    CHECK(net.path_events.size() == before);
  }
}

TEST_CASE("an agent that stood still for longer blames nobody, its peers do") {
  RoutedNetwork net{two_sites()};
  net.run(seconds(90));
  const auto before = net.path_events.size();
  net.freeze(fra);
  net.run(seconds(5));
  net.thaw(fra);
  net.run(seconds(3));
  CHECK(net.path_events.size() == before + 4);  // Two paths, down and up.
  for (std::size_t i = before; i < net.path_events.size(); ++i)
    CHECK(net.path_events[i].from == sfo);
}

TEST_CASE("what a short cut took is not counted as the path's usual loss") {
  RoutedNetwork net{two_sites()};
  net.run(seconds(90));
  net.cut(fibre_sf);
  net.run(milliseconds(600));
  net.heal(fibre_sf);
  net.run(seconds(5));
  REQUIRE(net.monitor(sfo, fra).up(PathId{1}));
  CHECK(net.monitor(sfo, fra).estimator(PathId{1}).loss() == 0);
}

TEST_CASE("a peer that is gone is down, and comes back with an agent started anew") {
  RoutedNetwork net{two_sites()};
  net.run(seconds(70));
  net.freeze(fra);
  net.run(seconds(3));
  CHECK_FALSE(net.monitor(sfo, fra).up(PathId{0}));
  CHECK_FALSE(net.monitor(sfo, fra).up(PathId{1}));
  net.restart(fra);
  net.thaw(fra);
  net.run(seconds(2));
  CHECK(net.monitor(sfo, fra).up(PathId{0}));
  CHECK(net.monitor(sfo, fra).up(PathId{1}));
  CHECK(net.monitor(fra, sfo).up(net.route(fra, sfo).primary));
}

TEST_CASE("a cut in one direction takes the path down at both ends") {
  RoutedNetwork net{two_sites()};
  net.run(seconds(90));
  REQUIRE(links_used(net, sfo, fra) == Links{1});
  net.pipe(leo_sf, sfo).cut(net.now());
  net.run(seconds(1));
  CHECK(links_used(net, sfo, fra) == Links{0});
  CHECK(links_used(net, fra, sfo) == Links{0});
  CHECK(net.path_events.size() == 6);
  net.run(seconds(10));
  CHECK(net.path_events.size() == 6);  // And stays down.
}

TEST_CASE("bulk takes the widest path that is not too slow") {
  RoutedNetwork net{three_continents()};
  net.run(seconds(30));
  CHECK(links_used(net, sfo, fra, TrafficClass::bulk) == Links{0});  // 1 Gb/s against 300 Mb/s.
  CHECK(links_used(net, sfo, fra, TrafficClass::control) == Links{1});
}

TEST_CASE("hellos stay below half a per cent of 100 Mb/s on every link") {
  RoutedNetwork net{three_continents()};
  net.run(seconds(60));
  net.hello_bytes.clear();
  net.run(seconds(60));
  for (const auto& [link, bytes] : net.hello_bytes) {
    CAPTURE(link.value);
    CHECK(static_cast<double>(bytes) / 2 * 8 / 60 <
          0.005 * 100e6);  // Both directions together / 2.
  }
}

TEST_CASE("hours of loss and jitter of the sky bring no false death") {
  // Two hours of simulated time in all. The bound of the estimator: a tenth of one a day and path.
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
    CAPTURE(seed);
    auto config = two_sites();
    config.seed = seed;
    config.wires[1] = dish_wire(leo_sf, sfo, fra, microseconds(36'500));
    RoutedNetwork net{config};
    net.run(seconds(1'800));
    const auto deaths = std::count_if(net.path_events.begin(), net.path_events.end(),
                                      [](const auto& event) { return !event.up; });
    CHECK(deaths == 0);
    MESSAGE("silence limits: dish ", net.monitor(sfo, fra).silence_limit(PathId{0}).seconds() * 1e3,
            " ms, fibre ", net.monitor(sfo, fra).silence_limit(PathId{1}).seconds() * 1e3,
            " ms; steps ", net.steps);
  }
}

TEST_CASE("how long after a cut traffic moves") {
  for (const bool dish : {false, true}) {
    std::vector<double> ms;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      auto config = two_sites();
      config.seed = seed;
      // The cut link is the one in use: a fibre of 30 ms, or the dish.
      config.wires[0] = fibre_wire(fibre_sf, sfo, fra, milliseconds(dish ? 64 : 30));
      if (dish) config.wires[1] = dish_wire(leo_sf, sfo, fra, microseconds(36'500));
      RoutedNetwork net{config};
      net.run(seconds(400) + milliseconds(static_cast<std::int64_t>(7 * seed)));
      const Instant cut_at = net.now();
      const LinkId link =
          net.topology().paths(sfo, fra)[net.route(sfo, fra).primary.value].links[0];
      net.cut(link);
      net.run(seconds(5));
      for (const auto& entry : net.moves)
        if (entry.at >= cut_at && entry.what.traffic == TrafficClass::gradient)
          ms.push_back((entry.at - cut_at).seconds() * 1e3);
    }
    std::sort(ms.begin(), ms.end());
    REQUIRE(ms.size() == 20);
    std::printf("cut of a %s: traffic moved after p50 %.0f, p90 %.0f, max %.0f ms\n",
                dish ? "dish" : "fibre", ms[10], ms[18], ms.back());
    CHECK(ms.back() < (dish ? 1'500 : 250));
  }
}

}  // namespace
}  // namespace axs::net
