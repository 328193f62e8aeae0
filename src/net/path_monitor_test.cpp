#include "axs/net/path_monitor.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <map>

#include "axs/core/rng.h"

namespace axs::net {
namespace {

static_assert(Policy<PathMonitor>);

constexpr SiteId here{3}, there{5};

PathMonitor::Config two_paths() {
  CandidatePath first{.id = PathId{0}, .links = {LinkId{0}}, .hops = 1};
  CandidatePath second{.id = PathId{1}, .links = {LinkId{1}}, .hops = 1};
  return {.local = here, .peer = there, .paths = {first, second}, .token = 77};
}

/// A monitor whose peer answers at once, each path with its own delay.
class Bench {
 public:
  explicit Bench(Instant start) : now{start} { step(Wakeup{}); }

  void step(const PathMonitor::Event& event) {
    actions.clear();
    monitor.step(now, event, actions);
    for (const auto& action : actions) {
      if (const auto* hello = std::get_if<Hello>(&action)) {
        hellos.push_back({now, *hello});
        if (answering[hello->path.value]) pending.emplace(now + delay[hello->path.value], *hello);
      }
      if (const auto* report = std::get_if<LinkReport>(&action)) reports.push_back(*report);
    }
  }
  void run(Duration span) {
    const Instant until = now + span;
    for (;;) {
      const bool reply = !pending.empty() && pending.begin()->first <= *monitor.wakeup();
      const Instant next = std::max(now, reply ? pending.begin()->first : *monitor.wakeup());
      if (next > until) break;
      now = next;
      if (!reply) {
        step(Wakeup{});
        continue;
      }
      const Hello hello = pending.extract(pending.begin()).mapped();
      step(HelloReplyReceived{{hello.path, {hello.sequence, hello.token, held}}, waited});
    }
    now = until;
  }

  Instant now;
  PathMonitor monitor{two_paths()};
  std::array<Duration, 2> delay{milliseconds(40), milliseconds(60)};
  std::array<bool, 2> answering{true, true};
  Duration held{};
  Duration waited{};
  std::multimap<Instant, Hello> pending;
  std::vector<std::pair<Instant, Hello>> hellos;
  std::vector<LinkReport> reports;
  std::vector<PathMonitor::Action> actions;
};

TEST_CASE("used paths are probed every 20 ms and the token is the monitor's") {
  Bench bench{Instant{-seconds(5'000).ns}};
  bench.run(seconds(2));
  bench.hellos.clear();
  bench.run(seconds(1));
  CHECK(bench.hellos.size() == 100);  // A primary and a backup.
  for (const auto& [at, hello] : bench.hellos) CHECK(hello.token == 77);
}

/// A monitor that has seen the second path lose hellos in bursts.
Bench after_bursts() {
  Bench bench{Instant{}};
  bench.run(seconds(5));
  for (int burst = 0; burst < 3; ++burst) {
    bench.answering[1] = false;
    bench.run(milliseconds(400));
    bench.answering[1] = true;
    bench.run(seconds(3));
  }
  return bench;
}

TEST_CASE("a silence does not lengthen the limit that it is held to") {
  Bench bench = after_bursts();
  const Duration limit = bench.monitor.silence_limit(PathId{1});
  REQUIRE(limit > milliseconds(1'300));
  bench.answering[1] = false;
  bench.run(limit - milliseconds(20));
  CHECK(bench.monitor.up(PathId{1}));
  CHECK(bench.monitor.silence_limit(PathId{1}) == limit);
  bench.run(milliseconds(200));
  CHECK_FALSE(bench.monitor.up(PathId{1}));
}

TEST_CASE("hellos that get fewer during a silence do not lengthen its limit") {
  Bench bench = after_bursts();
  const Duration limit = bench.monitor.silence_limit(PathId{1});
  bench.answering[1] = false;
  bench.run(6 * limit / 10);
  bench.monitor.stretch({.fast = 4, .slow = 4});
  bench.run(4 * limit / 10 - milliseconds(20));
  CHECK(bench.monitor.up(PathId{1}));
  CHECK(bench.monitor.silence_limit(PathId{1}) <=
        limit + milliseconds(80));  // The next one's time.
  bench.run(milliseconds(400));
  CHECK_FALSE(bench.monitor.up(PathId{1}));
}

TEST_CASE("dead paths are probed every 200 ms") {
  Bench bench{Instant{}};
  bench.answering = {false, false};
  bench.run(seconds(2));
  bench.hellos.clear();
  bench.run(seconds(1));
  CHECK(bench.hellos.size() == 10);
  CHECK(bench.monitor.routes() == ClassRoutes{});
}

TEST_CASE("the round trip does not contain the time that a hello or its reply lay about") {
  Bench bench{Instant{}};
  bench.delay = {milliseconds(70), milliseconds(95)};
  bench.held = milliseconds(20);
  bench.waited = milliseconds(10);
  bench.run(seconds(2));
  CHECK(bench.monitor.estimator(PathId{0}).quantile(0.5) == milliseconds(40));
  bench.held = seconds(5);  // More than the whole: not believed.
  bench.run(seconds(5));
  CHECK(bench.monitor.estimator(PathId{0}).smoothed() > milliseconds(55));
  CHECK(bench.monitor.estimator(PathId{0}).smoothed() <= milliseconds(60));
}

TEST_CASE("a hello is answered with its own words and the time it waited") {
  Bench bench{Instant{}};
  bench.step(HelloReceived{{PathId{1}, 12, 34, true}, microseconds(7)});
  REQUIRE(!bench.actions.empty());
  const auto& reply = std::get<HelloReply>(bench.actions.front());
  CHECK(reply.path == PathId{1});
  CHECK(reply.answer.sequence == 12);
  CHECK(reply.answer.token == 34);
  CHECK(reply.answer.held == microseconds(7));
}

TEST_CASE("hearing is said when something came in of late") {
  Bench bench{Instant{}};
  bench.answering[1] = false;
  bench.run(seconds(1));
  REQUIRE(!bench.hellos.empty());
  CHECK_FALSE(bench.hellos.front().second.hears);
  bench.step(HelloReceived{{PathId{0}, 1, 34, true}, {}});
  bench.hellos.clear();
  bench.run(milliseconds(50));
  REQUIRE(!bench.hellos.empty());
  for (const auto& [at, hello] : bench.hellos) CHECK(hello.hears == (hello.path == PathId{0}));
}

TEST_CASE("other traffic counts as life while the peer says that it hears") {
  for (const bool hears : {true, false}) {
    CAPTURE(hears);
    Bench bench{Instant{}};
    bench.run(seconds(70));
    REQUIRE(bench.monitor.up(PathId{0}));
    bench.answering[0] = false;
    for (int i = 0; i < 1'000; ++i) {
      bench.run(milliseconds(1));
      bench.step(HelloReceived{{PathId{1}, static_cast<std::uint64_t>(i), 9, true}, {}});
      bench.step(TrafficReceived{PathId{0}});
      if (i % 20 == 0)
        bench.step(HelloReceived{{PathId{0}, static_cast<std::uint64_t>(i), 9, hears}, {}});
    }
    CHECK(bench.monitor.up(PathId{0}) == hears);
  }
}

TEST_CASE("a monitor that did not run blames nobody, whatever it is told first") {
  Bench bench{Instant{}};
  bench.run(seconds(70));
  bench.now = bench.now + seconds(5);
  bench.step(Wakeup{});
  CHECK(bench.monitor.up(PathId{0}));
  CHECK(bench.monitor.up(PathId{1}));
  bench.run(seconds(1));
  CHECK(bench.reports.back().paths[0].availability > 0.99);
}

TEST_CASE("news that are told before a late wake-up do not hide that it is late") {
  for (const Duration waited : {seconds(0), milliseconds(2'500), milliseconds(4'900)}) {
    CAPTURE(waited.seconds());
    Bench bench{Instant{}};
    bench.run(seconds(70));
    bench.pending.clear();
    bench.now = bench.now + seconds(5);
    bench.step(NewsToTell{});
    // The kernel had no room for what came later.
    if (waited > Duration{}) bench.step(HelloReceived{{PathId{0}, 1, 9, true}, waited});
    bench.step(Wakeup{});
    CHECK(bench.monitor.up(PathId{0}));
    CHECK(bench.monitor.up(PathId{1}));
  }
}

/// As if other sites' traffic needed both links.
void run_busy(Bench& bench, Duration span) {
  for (const Instant end = bench.now + span; bench.now < end;
       bench.run(std::min(seconds(1), end - bench.now)))
    for (const LinkId link : {LinkId{0}, LinkId{1}}) bench.step(LinkNeeded{link});
}

TEST_CASE("what lay in the kernel while this process did not run is nobody's silence") {
  Bench bench{Instant{}};
  bench.run(seconds(70));
  const Duration before = bench.monitor.silence_limit(PathId{0});
  bench.pending.clear();
  bench.now = bench.now + milliseconds(300);
  for (const PathId path : {PathId{1}, PathId{0}})
    for (int ago = 300; ago >= 0; ago -= 20)
      bench.step(
          HelloReceived{{path, static_cast<std::uint64_t>(400 - ago), 9, true}, milliseconds(ago)});
  bench.step(Wakeup{});
  bench.run(milliseconds(100));
  CHECK(bench.monitor.up(PathId{0}));
  CHECK(bench.monitor.silence_limit(PathId{0}) == before);
}

TEST_CASE("a path dies when its limit has passed, not when another is heard again") {
  Bench bench{Instant{}};
  bench.delay = {microseconds(800), microseconds(900)};
  run_busy(bench, seconds(100));
  REQUIRE(bench.monitor.hello_interval(PathId{0}) == milliseconds(1));
  bench.run(microseconds(300));
  bench.answering[0] = false;
  const Duration limit = bench.monitor.silence_limit(PathId{0});
  const Instant last = bench.now + bench.delay[0];  // No answer is heard later.
  bench.run(bench.delay[0] + limit);
  CHECK_FALSE(bench.monitor.up(PathId{0}));
  CHECK(bench.monitor.up(PathId{1}));
  CHECK(bench.now == last + limit);
}

TEST_CASE("what is heard when a wake-up is due does not take its place: silence is judged") {
  Bench bench{Instant{}};
  bench.delay = {milliseconds(1), milliseconds(1)};
  run_busy(bench, seconds(100));
  bench.answering[0] = false;
  for (int i = 0; i < 20; ++i) {
    bench.now = *bench.monitor.wakeup();
    bench.step(HelloReceived{{PathId{1}, static_cast<std::uint64_t>(i), 9, true}, {}});
    if (*bench.monitor.wakeup() <= bench.now) bench.step(Wakeup{});
  }
  CHECK_FALSE(bench.monitor.up(PathId{0}));
}

TEST_CASE("packets both ways take the place of hellos, packets one way do not") {
  for (const bool heard : {true, false}) {
    CAPTURE(heard);
    Bench bench{Instant{}};
    bench.delay = {milliseconds(1), milliseconds(1)};
    bench.step(HelloReceived{{PathId{0}, 1, 9, true}, {}});
    run_busy(bench, seconds(100));
    bench.hellos.clear();
    bench.answering[0] = heard;
    for (int i = 0; i < 4'000; ++i) {
      bench.run(microseconds(250));
      bench.monitor.sent(bench.now, PathId{0});
      if (heard) bench.step(TrafficReceived{PathId{0}});
    }
    const auto on_first = std::ranges::count_if(
        bench.hellos, [](const auto& hello) { return hello.second.path == PathId{0}; });
    const auto on_second = std::ssize(bench.hellos) - on_first;
    CHECK(on_second >= 990);
    if (heard) CHECK(on_first <= 105);
    if (!heard) CHECK(bench.hellos.size() > 1'000);
  }
}

TEST_CASE("answers to another incarnation, to no hello and on no path are ignored") {
  Bench bench{Instant{}};
  bench.answering = {false, false};
  for (std::uint64_t i = 0; i < 20; ++i) {
    bench.run(milliseconds(20));
    bench.step(HelloReplyReceived{{PathId{0}, {i, 76, {}}}, {}});
    bench.step(HelloReplyReceived{{PathId{0}, {1'000 + i, 77, {}}}, {}});
    bench.step(HelloReplyReceived{{PathId{9}, {i, 77, {}}}, {}});
    bench.step(HelloReceived{{PathId{9}, i, 5, true}, {}});
    bench.step(TrafficReceived{PathId{200}});
  }
  CHECK_FALSE(bench.monitor.up(PathId{0}));
}

TEST_CASE("reports come every second and at once on a change, numbered") {
  Bench bench{Instant{}};
  bench.run(seconds(70));
  bench.reports.clear();
  bench.run(seconds(10));
  CHECK(bench.reports.size() == 10);
  bench.answering[0] = false;
  bench.run(milliseconds(400));
  CHECK_FALSE(bench.monitor.up(PathId{0}));
  CHECK(bench.reports.size() == 11);
  CHECK_FALSE(bench.reports.back().paths[0].up);
  CHECK(bench.reports.back().paths[1].availability > 0.99);
  for (std::size_t i = 1; i < bench.reports.size(); ++i)
    CHECK(bench.reports[i].sequence == bench.reports[i - 1].sequence + 1);
}

TEST_CASE("a dead primary is replaced by the ordered backup, for every class at once") {
  Bench bench{Instant{}};
  bench.run(seconds(70));
  RouteOrder order{{1, 1}, here, there, {}};
  order.routes.fill(ClassRoute{PathId{1}, PathId{0}});
  bench.step(OrderReceived{order});
  for (const auto& route : bench.monitor.routes()) CHECK(route == ClassRoute{PathId{1}, PathId{0}});
  bench.run(seconds(1));
  bench.answering[1] = false;
  while (bench.monitor.up(PathId{1})) {
    bench.run(milliseconds(1));
    for (const auto& route : bench.monitor.routes())
      CHECK(route->primary == (bench.monitor.up(PathId{1}) ? PathId{1} : PathId{0}));
  }
}

TEST_CASE("an order of a controller that another has followed is refused and moves nothing") {
  Bench bench{Instant{}};
  bench.run(seconds(2));
  const auto give = [&](Fence fence, PathId path) {
    RouteOrder order{fence, here, there, {}};
    order.routes.fill(ClassRoute{path, {}});
    bench.step(OrderReceived{order});
    return std::ranges::any_of(bench.actions, [&](const auto& action) {
      const auto* refused = std::get_if<OrderRefused>(&action);
      return refused != nullptr && refused->given == fence && refused->held == Fence{2, 3};
    });
  };
  CHECK_FALSE(give({2, 3}, PathId{1}));
  CHECK(give({1, 9}, PathId{0}));  // Of an earlier controller, however many orders it has given.
  CHECK(give({2, 2}, PathId{0}));  // Of the same one, late.
  for (const auto& route : bench.monitor.routes()) CHECK(route->primary == PathId{1});
  CHECK_FALSE(give({3, 1}, PathId{0}));
  for (const auto& route : bench.monitor.routes()) CHECK(route->primary == PathId{0});
}

TEST_CASE("any order of any events keeps what is promised") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    PathMonitor monitor{two_paths()};
    Instant now{};
    std::array<bool, 2> up{};
    bool peer = false;
    Fence held;
    std::array<std::optional<PathId>, traffic_class_count> primary;
    const auto random_path = [&] { return PathId{static_cast<std::uint8_t>(rng.below(3))}; };
    const auto random_event = [&]() -> PathMonitor::Event {
      const std::uint64_t number = rng.below(60);
      switch (rng.below(6)) {
        case 0:
          return HelloReceived{{random_path(), number, rng.below(3), rng.chance(0.5)}, {}};
        case 1:
          return TrafficReceived{random_path()};
        case 2: {
          RouteOrder order{{rng.below(3), rng.below(9)}, here, there, {}};
          order.routes.fill(ClassRoute{random_path(), random_path()});
          return OrderReceived{order};
        }
        case 3:
          return Wakeup{};
        default:
          return HelloReplyReceived{{random_path(), {number, 77, milliseconds(-5 + 10)}}, {}};
      }
    };
    for (int i = 0; i < 600; ++i) {
      now = now + milliseconds(static_cast<std::int64_t>(rng.below(60)));
      std::vector<PathMonitor::Action> actions;
      const PathMonitor::Event event = random_event();
      monitor.step(now, event, actions);
      RC_ASSERT(!std::holds_alternative<Wakeup>(event) || *monitor.wakeup() > now);
      for (const auto& action : actions) {
        if (const auto* e = std::get_if<PathUp>(&action)) {
          RC_ASSERT(!up[e->path.value]);
          up[e->path.value] = true;
        } else if (const auto* f = std::get_if<PathDown>(&action)) {
          RC_ASSERT(up[f->path.value]);
          up[f->path.value] = false;
        } else if (std::holds_alternative<PeerUp>(action)) {
          RC_ASSERT(!peer);
          peer = true;
        } else if (std::holds_alternative<PeerDown>(action)) {
          RC_ASSERT(peer);
          peer = false;
        } else if (const auto* set = std::get_if<RouteSet>(&action)) {
          primary[static_cast<std::size_t>(set->traffic)] = set->primary;
        } else if (const auto* report = std::get_if<LinkReport>(&action)) {
          RC_ASSERT(report->applied >= held);
          held = report->applied;
        }
      }
      RC_ASSERT(peer == (up[0] || up[1]));
      for (const auto& path : primary)
        RC_ASSERT((!path || !peer || up[path->value]));  // Never on a dead path if one lives.
    }
  }));
}

}  // namespace
}  // namespace axs::net
