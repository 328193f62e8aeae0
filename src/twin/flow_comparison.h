#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <variant>
#include <vector>

#include "axs/core/assert.h"
#include "axs/twin/flow_scene.h"

/// How far apart two simulations of one scene are.
namespace axs::twin {

/// By flow.
inline std::map<std::uint64_t, Instant> start_times(const FlowScene& scene) {
  std::map<std::uint64_t, Instant> starts;
  for (const SceneEvent& event : scene.events)
    if (const auto* flow = std::get_if<Flow>(&event.what)) starts[flow->id] = event.at;
  return starts;
}

/// From a flow's start to the arrival of its last byte, by flow.
inline std::map<std::uint64_t, Duration> completion_times(const FlowScene& scene,
                                                          const std::vector<FlowEnd>& ends) {
  const auto starts = start_times(scene);
  std::map<std::uint64_t, Duration> times;
  for (const FlowEnd& end : ends) times[end.flow] = end.arrived_at - starts.at(end.flow);
  return times;
}

/// The completion time of each flow in `a` over that in `b`, of flows that ended in both.
inline std::vector<double> completion_ratios(const FlowScene& scene, const std::vector<FlowEnd>& a,
                                             const std::vector<FlowEnd>& b) {
  const auto of_b = completion_times(scene, b);
  std::vector<double> ratios;
  for (const auto& [flow, time] : completion_times(scene, a))
    if (const auto at = of_b.find(flow); at != of_b.end())
      ratios.push_back(time.seconds() / at->second.seconds());
  return ratios;
}

/// The least value that `percent` in a hundred do not exceed (nearest rank); some values wanted.
inline double percentile(std::vector<double> values, unsigned percent) {
  AXS_ASSERT(!values.empty() && percent <= 100);
  const std::size_t rank = (values.size() * percent + 99) / 100;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace axs::twin
