#include "axs/twin/flow_simulator.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "axs/core/digest.h"
#include "axs/twin/fair_share_testing.h"
#include "axs/twin/flow_scenes.h"

using namespace axs;
using namespace axs::twin;

namespace {

constexpr Instant forever{INT64_MAX - 1};
constexpr BytesPerSecond megabyte{1e6};  // A second.
const std::vector<LinkId> both{LinkId{0}, LinkId{1}};

std::vector<FlowEnd> run(FlowSimulator& simulator, Instant until = forever) {
  std::vector<FlowEnd> ends;
  while (const auto end = simulator.next(until)) ends.push_back(*end);
  return ends;
}

/// The same flows by brute force: all rates from nothing at every event. Knows neither rate changes
/// nor precedence.
class Naive {
 public:
  explicit Naive(const FlowScene& scene) : scene_{scene} {
    for (const FlowLink& link : scene.links) capacities_.push_back(link.rate.value());
  }

  std::map<std::uint64_t, double> run() {
    for (const SceneEvent& event : scene_.events) {
      advance(static_cast<double>(event.at.ns) * 1e-9);
      const Flow& flow = std::get<Flow>(event.what);
      const double cap = flow.rate_cap.value() / flow.weight;
      const auto id = static_cast<std::uint32_t>(flow.id);
      flows_[id] = {scene_.routes[flow.route.value], cap, flow.weight};
      left_[id] = static_cast<double>(flow.bytes);
    }
    advance(HUGE_VAL);
    return ended_;
  }

 private:
  void advance(double until) {
    while (now_ < until && !flows_.empty()) {
      auto levels = testing::fill(capacities_, flows_);
      double step = until - now_;
      std::uint32_t first = UINT32_MAX;
      for (const auto& [id, flow] : flows_) {
        levels[id] *= static_cast<double>(flow.weight);
        if (left_[id] / levels[id] >= step) continue;
        step = left_[id] / levels[id];
        first = id;
      }
      for (auto& [id, left] : left_) left -= step * levels[id];
      now_ += step;
      if (first == UINT32_MAX) break;
      ended_[first] = now_;
      flows_.erase(first);
      left_.erase(first);
    }
    now_ = until;
  }

  const FlowScene& scene_;
  std::vector<double> capacities_;
  testing::Bundles flows_;
  std::map<std::uint32_t, double> left_;
  double now_ = 0;
  std::map<std::uint64_t, double> ended_;
};

FlowScene random_scene(std::uint64_t seed) {
  Rng rng{seed};
  FlowScene scene = wan(3 + static_cast<std::uint32_t>(rng.below(5)), megabyte, rng.fork(0));
  add_arrivals(scene, {.count = 60, .load = 0.5 + rng.uniform(), .cap = megabyte}, rng.fork(1));
  for (SceneEvent& event : scene.events) {
    Flow& flow = std::get<Flow>(event.what);
    flow.weight = 1 + static_cast<std::uint32_t>(rng.below(3));
    flow.rate_cap = rng.chance(0.3) ? megabyte * rng.uniform() : unlimited;
  }
  return scene;
}

Hash256 digest_of(const FlowScene& scene) {
  Digest digest;
  for (const FlowEnd& end : play_flows(scene)) digest.record(end.sent_at, 0, end, both);
  return digest.value();
}

}  // namespace

TEST_CASE("a flow alone takes its bytes over the rate, the delay, and the last packet's way") {
  FlowSimulator simulator{{{megabyte, milliseconds(10)}, {2 * megabyte, milliseconds(20)}}};
  simulator.start({.id = 7, .route = simulator.add_route(both), .bytes = 500'000});
  const auto end = simulator.next(forever);
  REQUIRE(end.has_value());
  CHECK(end->flow == 7);
  CHECK(end->sent_at == Instant{} + milliseconds(500));
  CHECK(end->arrived_at == end->sent_at + milliseconds(30) + microseconds(750));
  CHECK_FALSE(simulator.next(forever).has_value());
}

TEST_CASE("two flows share by weight, and the one that is left takes all") {
  FlowSimulator simulator{{{megabyte, {}}}};
  const RouteId route = simulator.add_route(std::span{both}.first(1));
  simulator.start({.id = 1, .route = route, .bytes = 300'000, .weight = 3});
  simulator.start({.id = 2, .route = route, .bytes = 300'000});
  const auto ends = run(simulator);
  REQUIRE(ends.size() == 2);
  CHECK(ends[0].flow == 1);
  CHECK(ends[0].sent_at == Instant{} + milliseconds(400));
  CHECK(ends[1].sent_at == Instant{} + milliseconds(600));
  CHECK(simulator.flows() == 0);
}

TEST_CASE("strict flows go first, and what they leave is shared") {
  FlowSimulator simulator{{{megabyte, {}}}};
  const RouteId route = simulator.add_route(std::span{both}.first(1));
  simulator.start({.id = 1, .route = route, .bytes = 300'000});
  simulator.start({.id = 2,
                   .route = route,
                   .bytes = 300'000,
                   .rate_cap = 0.75 * megabyte,
                   .precedence = Precedence::strict});
  CHECK(simulator.rate(route)->value() == doctest::Approx(0.25e6));
  const auto ends = run(simulator);
  REQUIRE(ends.size() == 2);
  CHECK(ends[0].flow == 2);
  CHECK(ends[0].sent_at == Instant{} + milliseconds(400));
  CHECK(ends[1].sent_at == Instant{} + milliseconds(600));
}

TEST_CASE("a flow waits at a cut and goes on where its route leads it") {
  FlowSimulator simulator{{{megabyte, {}}, {megabyte / 2, {}}}};
  const RouteId route = simulator.add_route(std::span{both}.first(1));
  simulator.start({.id = 1, .route = route, .bytes = 1'000'000});
  CHECK(run(simulator, Instant{} + milliseconds(200)).empty());
  simulator.set_rate(LinkId{0}, BytesPerSecond{0});
  CHECK(run(simulator, Instant{} + milliseconds(500)).empty());
  SUBCASE("healed") {
    simulator.set_rate(LinkId{0}, megabyte);
    CHECK(run(simulator).at(0).sent_at == Instant{} + milliseconds(1300));
  }
  SUBCASE("a detour of half the rate") {
    simulator.set_route(route, std::span{both}.subspan(1));
    CHECK(run(simulator).at(0).sent_at == Instant{} + milliseconds(2100));
  }
  SUBCASE("no way at all") {
    simulator.set_route(route, {});
    CHECK(run(simulator).empty());
    CHECK(simulator.flows() == 1);
  }
}

TEST_CASE("a flow arrives after the delay that its link has when its last byte leaves") {
  FlowSimulator simulator{{{megabyte, milliseconds(10)}}};
  const RouteId route = simulator.add_route({both.data(), 1});
  simulator.start({.id = 1, .route = route, .bytes = 1'000'000});
  run(simulator, Instant{} + milliseconds(500));
  simulator.set_delay(LinkId{0}, milliseconds(40));
  const auto ends = run(simulator);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].arrived_at - ends[0].sent_at == milliseconds(40));
}

TEST_CASE("a scene that makes no sense is refused with what is wrong and where") {
  FlowScene scene{.name = "s",
                  .links = {{megabyte, {}}, {megabyte, {}}},
                  .routes = {{LinkId{0}}},
                  .events = {{Instant{5}, Flow{.id = 3, .bytes = 1}}}};
  CHECK(validate(scene).has_value());
  const auto refused = [&scene](const std::string& part) {
    const auto outcome = validate(scene);
    return !outcome && outcome.error().what.find(part) != std::string::npos;
  };
  SUBCASE("rate") {
    scene.links[1].rate = -megabyte;
    CHECK(refused("link 1: rate -1000000"));
  }
  SUBCASE("route") {
    scene.routes[0] = {LinkId{0}, LinkId{0}};
    CHECK(refused("route 0"));
  }
  SUBCASE("order") {
    scene.events.push_back({Instant{4}, RateChange{LinkId{0}, megabyte}});
    CHECK(refused("s: at 4 ns: want events in order"));
  }
  SUBCASE("flow") {
    scene.events.push_back({Instant{5}, Flow{.id = 3, .bytes = 1}});
    CHECK(refused("flow 3: want ids that are used once"));
  }
  SUBCASE("unknown link") {
    scene.events.push_back({Instant{5}, RateChange{LinkId{2}, megabyte}});
    CHECK(refused("link 2"));
  }
}

TEST_CASE("flows end when brute force says") {
  CHECK(rc::check([](std::uint64_t seed) {
    const FlowScene scene = random_scene(seed);
    const auto wanted = Naive{scene}.run();
    const auto ends = play_flows(scene);
    REQUIRE(ends.size() == wanted.size());
    for (const FlowEnd& end : ends)
      CHECK(static_cast<double>(end.sent_at.ns) * 1e-9 ==
            doctest::Approx(wanted.at(end.flow)).epsilon(1e-7));
  }));
}

TEST_CASE("the same scene gives the same bits, another seed others") {
  FlowScene scene = wan(12, megabyte, Rng{1});
  add_arrivals(scene, {.count = 3000, .load = 0.9, .strict = 0.2}, Rng{2});
  CHECK(play_flows(scene).size() == 3000);
  CHECK(digest_of(scene) == digest_of(scene));
  FlowScene other = wan(12, megabyte, Rng{1});
  add_arrivals(other, {.count = 3000, .load = 0.9, .strict = 0.2}, Rng{3});
  CHECK_FALSE(digest_of(scene) == digest_of(other));
}

TEST_CASE("the earliest deadline is the least of all, the first of equals") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    Deadlines deadlines;
    std::vector<Instant> all(1 + rng.below(70), Deadlines::never);
    for (int i = 0; i < 300; ++i) {
      const auto index = static_cast<std::uint32_t>(rng.below(all.size()));
      all[index] =
          rng.chance(0.2) ? Deadlines::never : Instant{static_cast<std::int64_t>(rng.below(50))};
      deadlines.set(index, all[index]);
      const auto least = std::min_element(all.begin(), all.end());
      REQUIRE(deadlines.first_at() == *least);
      REQUIRE((*least == Deadlines::never || deadlines.first() == least - all.begin()));
    }
  }));
}
