#include "axs/twin/packet_simulator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "axs/twin/fair_queue.h"
#include "axs/twin/flow_comparison.h"
#include "axs/twin/flow_scenes.h"
#include "axs/twin/flow_simulator.h"

using namespace axs;
using namespace axs::twin;

TEST_CASE("packets of a flow alone arrive when the fluid does") {
  FlowScene scene{
      .name = "alone",
      .links = {{BytesPerSecond{1e6}, milliseconds(10)}, {BytesPerSecond{2e6}, milliseconds(20)}},
      .routes = {{LinkId{0}, LinkId{1}}},
      .events = {{Instant{}, Flow{.id = 1, .bytes = 1'500'000}}}};
  const auto packets = play_packets(scene);
  const auto fluid = play_flows(scene);
  REQUIRE(packets.size() == 1);
  CHECK(packets[0].arrived_at == fluid.at(0).arrived_at);
}

TEST_CASE("a fair queue serves by weight, and strict flows first") {
  FairQueue<int> queue;
  const Flow light{.id = 1};
  const Flow heavy{.id = 2, .weight = 3};
  const Flow strict{.id = 3, .precedence = Precedence::strict};
  for (int i = 0; i < 40; ++i) {
    queue.push(light, packet_size, 1);
    queue.push(heavy, packet_size, 2);
  }
  queue.push(strict, packet_size, 3);
  CHECK(queue.pop() == 3);
  std::vector<int> served;
  for (int i = 0; i < 40; ++i) served.push_back(*queue.pop());
  CHECK(std::count(served.begin(), served.end(), 2) == 30);
}

TEST_CASE("what a cut loses is sent again over the new route") {
  const std::vector<FlowScene> scenes = small_scenes(1);
  const FlowScene& scene = scenes.back();
  CHECK(scene.name == "cut and detour");
  CHECK(play_packets(scene).size() == start_times(scene).size());
}

TEST_CASE("of 99 in 100 flows, packets and fluid differ by less than a tenth") {
  std::vector<double> ratios;
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    for (const FlowScene& scene : small_scenes(seed)) {
      const auto of_scene = completion_ratios(scene, play_packets(scene), play_flows(scene));
      CHECK(of_scene.size() == start_times(scene).size());
      ratios.insert(ratios.end(), of_scene.begin(), of_scene.end());
    }
  std::vector<double> errors;
  for (const double ratio : ratios) errors.push_back(std::max(ratio - 1, 1 - ratio));
  CHECK(percentile(errors, 99) < 0.1);
  CHECK(percentile(errors, 50) < 0.01);
}
