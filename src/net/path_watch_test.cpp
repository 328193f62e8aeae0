#include "axs/net/path_watch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

namespace axs::net {
namespace {

constexpr SiteId here{0}, relay{1}, far{2};
constexpr LinkId fast{0}, slow{1}, beyond{2}, direct{3};
/// From here to `far`, over `fast` and `beyond`.
constexpr PathId over_relay{1};

Topology triangle() {
  const auto link = [](LinkId id, SiteId a, SiteId b, int ms) {
    const auto rate = bits_per_second(1e9);
    return UnderlayLink{id, a, b, milliseconds(ms), rate, rate};
  };
  return *Topology::make({here, relay, far},
                         {link(fast, here, relay, 1), link(slow, here, relay, 30),
                          link(beyond, relay, far, 1), link(direct, here, far, 1)});
}

/// The watch of one site, whose peers answer every hello a millisecond later.
class Bench {
 public:
  void run(Duration span) {
    const Instant until = now + span;
    for (;;) {
      const bool reply = !pending.empty() && pending.begin()->first <= *watch.wakeup();
      const Instant next = std::max(now, reply ? pending.begin()->first : *watch.wakeup());
      if (next > until) break;
      now = next;
      if (reply) {
        const auto [peer, hello] = pending.extract(pending.begin()).mapped();
        step(peer, HelloReplyReceived{{hello.path, {hello.sequence, hello.token, {}}}, {}});
        continue;
      }
      actions.clear();
      watch.step(now, Wakeup{}, actions);
      answer();
    }
    now = until;
  }
  void step(SiteId peer, const PathMonitor::Event& event) {
    actions.clear();
    watch.step(now, {peer, event}, actions);
    answer();
    CHECK(*watch.wakeup() ==
          std::min(*watch.monitor(relay).wakeup(), *watch.monitor(far).wakeup()));
  }
  /// The relay says on its next hello which of its links are dead.
  void hear(std::uint64_t news, std::vector<LinkId> lost) {
    step(relay, HelloReceived{{.path = PathId{0},
                               .sequence = ++sequence,
                               .token = 9,
                               .hears = true,
                               .news = news,
                               .lost = std::move(lost)},
                              {}});
  }
  std::ptrdiff_t hellos() const {
    return std::ranges::count_if(
        actions, [](const auto& action) { return std::holds_alternative<Hello>(action.what); });
  }
  bool up() const { return watch.monitor(far).up(over_relay); }

  Topology topology = triangle();
  PathWatch watch{{.self = here, .topology = topology, .token = 7}};
  Instant now{};
  std::vector<PathWatch::Action> actions;
  std::multimap<Instant, std::pair<SiteId, Hello>> pending;
  std::uint64_t sequence = 0;
  std::uint64_t sent = 0;  ///< Hellos.
  bool relay_answers = true;

 private:
  void answer() {
    for (const auto& [peer, what] : actions) {
      const auto* hello = std::get_if<Hello>(&what);
      sent += hello ? 1 : 0;
      if (hello && (peer != relay || relay_answers))
        pending.emplace(now + milliseconds(1), std::pair{peer, *hello});
    }
  }
};

TEST_CASE("what a relay says of its links is so until it says otherwise, not longer") {
  Bench bench;
  bench.run(seconds(3));
  REQUIRE(bench.up());
  bench.hear(5, {beyond});
  CHECK_FALSE(bench.up());
  bench.hear(6, {});
  bench.run(seconds(1));
  CHECK(bench.up());
  bench.hear(5, {beyond});  // Took a slower path.
  CHECK(bench.up());
}

TEST_CASE("a relay that has started anew counts its news from the beginning") {
  Bench bench;
  bench.run(seconds(3));
  bench.hear(5, {});
  bench.step(relay,
             HelloReceived{
                 {.path = PathId{0}, .token = 10, .hears = true, .news = 1, .lost = {beyond}}, {}});
  CHECK_FALSE(bench.up());
}

TEST_CASE("news of others' links makes a site send nothing") {
  Bench bench;
  bench.run(seconds(3));
  bench.hear(5, {beyond});
  CHECK(bench.hellos() == 0);
}

TEST_CASE("no more links are believed to be dead than there are") {
  Bench bench;
  bench.run(seconds(3));
  std::vector<LinkId> lost(5'000, LinkId{77});
  lost.push_back(beyond);
  bench.hear(5, lost);
  CHECK(bench.up());
}

TEST_CASE("no more hellos leave than can be afforded") {
  Bench bench;
  const auto in_ten_seconds_of_traffic = [&bench] {
    const std::uint64_t before = bench.sent;
    for (int i = 0; i < 100; ++i) {
      bench.step(relay, TrafficReceived{PathId{0}});
      bench.step(far, TrafficReceived{PathId{0}});
      bench.run(milliseconds(100));
    }
    return bench.sent - before;
  };
  CHECK(in_ten_seconds_of_traffic() > 3'000);
  bench.watch.afford(100);
  (void)in_ten_seconds_of_traffic();
  CHECK(in_ten_seconds_of_traffic() <= 1'000);
  bench.watch.afford(2'000);
  (void)in_ten_seconds_of_traffic();
  CHECK(in_ten_seconds_of_traffic() > 3'000);
}

TEST_CASE("paths stay up whose hellos are slower than the longest silence") {
  Bench bench;
  bench.run(seconds(5));
  bench.watch.afford(30);
  bench.run(seconds(60));
  const PathMonitor& monitor = bench.watch.monitor(far);
  Duration slowest{};
  for (int i = 0; i < 3'000; ++i) {
    bench.run(milliseconds(100));
    for (const PathReport& path : monitor.reports()) {
      CHECK(path.up);
      slowest = std::max(slowest, monitor.hello_interval(path.path));
    }
  }
  CHECK(slowest > PathEstimator::limit_max);
}

TEST_CASE("the death of an own link is told at once, under a new number") {
  Bench bench;
  bench.run(seconds(70));
  bench.relay_answers = false;
  while (bench.watch.lost().size() < 2) {
    bench.run(milliseconds(1));
    REQUIRE(bench.now < Instant{} + seconds(73));
  }
  std::optional<Hello> told;
  for (const Instant until = bench.now + milliseconds(20); bench.now <= until;
       bench.run(milliseconds(1)))
    for (const auto& [peer, what] : bench.actions)
      if (std::holds_alternative<Hello>(what) && peer == far) told = std::get<Hello>(what);
  REQUIRE(told);
  CHECK(told->lost.size() == 2);
  CHECK(told->news > 1);
}

}  // namespace
}  // namespace axs::net
