#pragma once

#include <cstdint>
#include <vector>

#include "axs/core/rng.h"
#include "axs/core/units.h"
#include "axs/twin/flow_scene.h"

/// Scenes on which simulators are measured and compared, all from a seed.
namespace axs::twin {

/// Sizes from a bounded Pareto distribution: most flows are small, most bytes in large ones.
struct FlowSizes {
  double least = 1e5;
  double most = 1e9;
  double shape = 1.2;  ///< > 1.

  std::uint64_t draw(Rng& rng) const;
  double mean() const;
};

/// `sites` >= 2 at random places, 10,000 km across, each linked to its three nearest and to the
/// next; shortest routes between all pairs; no flows yet.
FlowScene wan(std::uint32_t sites, BytesPerSecond rate, Rng rng);

struct Arrivals {
  std::uint32_t count{};
  double load = 0.7;  ///< Of the link that most routes use.
  FlowSizes sizes{};
  BytesPerSecond cap = unlimited;
  double strict{};  ///< This share of the flows has strict precedence.
};

/// Puts Poisson arrivals on routes chosen evenly into the scene, between its other events.
void add_arrivals(FlowScene& scene, const Arrivals& arrivals, Rng rng);

/// At the 20 Mb/s of small_scenes() such flows last many round trips.
inline constexpr FlowSizes long_flows{.least = 3e5, .most = 6e6, .shape = 1.2};

/// Small enough for packets, 20 to 50 Mb/s and round trips of 2 to 14 ms: a dumbbell, a parking
/// lot, an incast, a WAN of five sites, a link that changes its rate, and a cut with a detour.
std::vector<FlowScene> small_scenes(std::uint64_t seed, const FlowSizes& sizes = long_flows);

}  // namespace axs::twin
