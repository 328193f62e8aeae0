#include "axs/net/handover_plan.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/net/transport_pair_test.h"

namespace axs::net {
namespace {

using test::LinkModel;
using test::TransportPair;

constexpr PathId sky{0}, ground{1};
constexpr LinkId dish{7}, fibre{8}, feeder{9};

CandidatePath way(std::vector<LinkId> links) {
  CandidatePath path;
  path.hops = static_cast<std::uint8_t>(links.size());
  std::ranges::copy(links, path.links.begin());
  return path;
}

/// Every `period` from `period` on a break of 20 ms.
HandoverPlan plan_of(LinkId link, Duration period, int count) {
  HandoverPlan plan;
  plan.links.push_back({.link = link});
  for (int i = 1; i <= count; ++i)
    plan.links[0].breaks.push_back({i * period, i * period + milliseconds(20)});
  return plan;
}

HandoverKeeper keeper_of(const HandoverPlan& plan, const std::vector<CandidatePath>& paths) {
  return {std::make_shared<const HandoverPlan>(plan), paths};
}

/// Steps it whenever it wants until `until`; what it says, and when.
std::vector<std::pair<Instant, PathHold>> holds_of(HandoverKeeper& keeper,
                                                   const std::vector<HandoverKeeper::Seen>& seen,
                                                   Instant until) {
  std::vector<std::pair<Instant, PathHold>> all;
  for (auto at = keeper.wakeup(); at && *at <= until; at = keeper.wakeup()) {
    std::vector<PathHold> holds;
    const Instant now = std::max(*at, Instant{});
    keeper.step(now, seen, holds);
    for (const PathHold& hold : holds) all.emplace_back(now, hold);
  }
  return all;
}

TEST_CASE("a path is held from before its break, by guard and queue, until after it") {
  HandoverPlan plan = plan_of(dish, seconds(15), 2);
  plan.epoch = Instant{} + seconds(100);
  plan.drift = 0;
  HandoverKeeper keeper = keeper_of(plan, {way({dish})});
  const auto holds =
      holds_of(keeper, {{.up = true, .queue = milliseconds(30)}}, Instant{} + seconds(200));
  REQUIRE(holds.size() == 2);
  const Instant first = Instant{} + seconds(115);
  CHECK(holds[0].first <= first - milliseconds(35));
  CHECK(holds[0].first >= first - milliseconds(37));
  CHECK(holds[0].second.until == first + milliseconds(25));
  CHECK(holds[0].second.settled == first + milliseconds(35));
  CHECK_FALSE(holds[0].second.instead);
  CHECK(holds[1].second.until == first + seconds(15) + milliseconds(25));
}

TEST_CASE(
    "breaks that leave no room are left alone, and a queue that seems endless holds nothing") {
  HandoverPlan dense = plan_of(dish, milliseconds(25), 1'000);
  HandoverKeeper keeper = keeper_of(dense, {way({dish})});
  CHECK(holds_of(keeper, {{.up = true}}, Instant{} + seconds(30)).empty());
  HandoverPlan plan = plan_of(dish, seconds(15), 2);
  HandoverKeeper stuck = keeper_of(plan, {way({dish})});
  for (const auto& [at, hold] :
       holds_of(stuck, {{.up = true, .queue = seconds(5'000)}}, Instant{} + seconds(40)))
    CHECK(hold.until - at <= HandoverKeeper::hold_max);
}

TEST_CASE("the guard grows with what a clock may have drifted, up to where no plan is left") {
  HandoverPlan plan = plan_of(dish, seconds(100), 200);
  plan.drift = 100e-6;
  HandoverKeeper keeper = keeper_of(plan, {way({dish})});
  const auto holds = holds_of(keeper, {{.up = true}}, Instant{} + seconds(20'000));
  REQUIRE(holds.size() == 24);  // 5 ms and 100 us a second make 250 ms after 2,450 s.
  const Instant tenth = Instant{} + seconds(1'000);
  CHECK(holds[9].first <= tenth - milliseconds(105));
  CHECK(holds[9].second.until >= tenth + milliseconds(125));
}

TEST_CASE("a break beyond the first link is kept clear of what is on its way there") {
  HandoverPlan plan = plan_of(dish, seconds(10), 1);
  plan.drift = 0;
  HandoverKeeper keeper = keeper_of(plan, {way({feeder, dish})});
  const auto holds =
      holds_of(keeper, {{.up = true, .rtt = milliseconds(80)}}, Instant{} + seconds(20));
  REQUIRE(holds.size() == 1);
  CHECK(holds[0].first <= Instant{} + seconds(10) - milliseconds(45));
}

TEST_CASE("another path stands in if it is up, free for so long, and quicker than waiting") {
  HandoverPlan plan = plan_of(dish, seconds(10), 1);
  plan.drift = 0;
  const std::vector<CandidatePath> ways{way({dish}), way({fibre}), way({feeder, dish})};
  const auto stand_in = [&](const std::vector<HandoverKeeper::Seen>& seen) {
    HandoverKeeper keeper = keeper_of(plan, ways);
    for (const auto& [at, hold] : holds_of(keeper, seen, Instant{} + seconds(20)))
      if (hold.path == sky) return hold.instead;
    return std::optional<PathId>{};
  };
  const HandoverKeeper::Seen quick{.up = true, .cost = milliseconds(70)};
  const HandoverKeeper::Seen slower{.up = true, .cost = milliseconds(120)};
  const HandoverKeeper::Seen slow{.up = true, .cost = milliseconds(140)};
  CHECK(stand_in({quick, slower, quick}) == ground);
  CHECK_FALSE(stand_in({quick, slow, quick}));  // 35 ms later, where waiting takes 31.
  CHECK_FALSE(stand_in({quick, {.up = false}, quick}));
}

TEST_CASE("breaks that follow closely are one hold") {
  HandoverPlan plan = plan_of(dish, milliseconds(25), 3);
  plan.drift = 0;
  HandoverKeeper keeper = keeper_of(plan, {way({dish})});
  const auto holds = holds_of(keeper, {{.up = true}}, Instant{} + seconds(1));
  REQUIRE(holds.size() == 1);
  CHECK(holds[0].second.until == Instant{} + milliseconds(75 + 20 + 5));
}

/// Two ends over a dish that loses everything for 20 ms every second and perhaps a fibre; the
/// clocks are wrong by what the plan allows, in opposite directions.
struct Crossing {
  enum class Known { planned, surprise };
  enum class Ways { dish_alone, dish_and_fibre };

  TransportPair pair;
  std::vector<HandoverKeeper> keepers;
  std::size_t paths;
  Duration slowest{};
  std::uint64_t lost = 0;

  Crossing(Known known, Ways ways) : paths{ways == Ways::dish_alone ? 1u : 2u} {
    LinkModel dish_model{.delay = milliseconds(35)};
    for (int i = 1; i <= 60; ++i)
      dish_model.outages.push_back({Instant{} + seconds(i), milliseconds(20)});
    pair.add_path(sky, dish_model);
    if (paths == 2) pair.add_path(ground, {.delay = milliseconds(50)});
    pair.route(sky, paths == 2 ? std::optional{ground} : std::nullopt);
    for (const std::size_t side : {0u, 1u}) {
      HandoverPlan plan = plan_of(dish, seconds(1), known == Known::planned ? 60 : 0);
      const Duration wrong = side == 0 ? plan.error : -plan.error;
      plan.epoch = Instant{} + pair.end(side).clock_offset + wrong;
      keepers.push_back(keeper_of(
          plan, paths == 2 ? std::vector{way({dish}), way({fibre})} : std::vector{way({dish})}));
    }
  }
  void keep(std::size_t side) {
    const Instant local = pair.now() + pair.end(side).clock_offset;
    if (!keepers[side].wakeup() || *keepers[side].wakeup() > local) return;
    std::vector<HandoverKeeper::Seen> seen;
    for (std::size_t i = 0; i < paths; ++i) {
      const auto sent = pair.statistics(side, PathId{static_cast<std::uint8_t>(i)});
      const Duration rtt = milliseconds(i == 0 ? 70 : 100);
      seen.push_back({.up = true, .rtt = rtt, .queue = sent.queue, .cost = rtt});
    }
    std::vector<PathHold> holds;
    keepers[side].step(local, seen, holds);
    for (const PathHold& hold : holds) pair.event(side, hold);
  }
  /// 30 s, with a message of 40 kB every 40 ms from each side; the first half second is left for
  /// the paths to be measured.
  void run() {
    const Instant end = Instant{} + seconds(30);
    std::map<std::uint64_t, Instant> sent;
    for (std::uint64_t tick = 0; pair.now() < end; ++tick) {
      keep(0), keep(1);
      if (tick % 40 == 0 && pair.now() < end - seconds(2)) {
        if (tick > 500) sent[tick] = pair.now();
        for (const std::size_t side : {0u, 1u})
          pair.send(side, {TrafficClass::gradient, tick}, 40'000);
      }
      pair.run(pair.now() + milliseconds(1));
    }
    for (const std::size_t side : {0u, 1u}) {
      for (const auto& [id, at] : sent)
        slowest = std::max(slowest, pair.end(side).delivered.at({TrafficClass::gradient, id}) - at);
      for (std::size_t i = 0; i < paths; ++i)
        lost += pair.statistics(side, PathId{static_cast<std::uint8_t>(i)}).packets_lost;
    }
    CHECK(pair.complaints().empty());
  }
};

TEST_CASE("planned handovers lose nothing and delay no message by more than the break") {
  for (const auto ways : {Crossing::Ways::dish_alone, Crossing::Ways::dish_and_fibre}) {
    CAPTURE(static_cast<int>(ways));
    Crossing surprise{Crossing::Known::surprise, ways}, planned{Crossing::Known::planned, ways};
    surprise.run();
    planned.run();
    MESSAGE("lost ", surprise.lost, " and ", planned.lost, " packets, slowest message ",
            static_cast<double>(surprise.slowest.ns) * 1e-6, " and ",
            static_cast<double>(planned.slowest.ns) * 1e-6, " ms");
    CHECK(surprise.lost > 0);
    CHECK(planned.lost == 0);
    CHECK(planned.slowest < surprise.slowest);
  }
}

}  // namespace
}  // namespace axs::net
