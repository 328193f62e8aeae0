#pragma once

#include <functional>

#include "axs/catalog/link_forecast.h"
#include "axs/orbit/sky.h"

namespace axs::orbit {

/// One end of a link over the sky.
struct GroundEnd {
  catalog::GeoPoint at;
  StationKind kind = StationKind::user;
  bool operator==(const GroundEnd&) const = default;
};

struct GroundPair {
  GroundEnd from;
  GroundEnd to;
};

/// Which times to sample: `step` apart on the clock of the run, which begins at `start` of the sky
/// and sees the sky go by `speed` times as fast. Delays stay those of the real sky.
struct RouteClock {
  catalog::UtcTime start{};
  double speed = 1;
  Duration length{};
  Duration step = milliseconds(100);
};

/// A link over the sky as time goes by. `samples[i].path` is an index into `paths`, which tell the
/// satellites; a path without satellites is none.
struct RouteHistory {
  catalog::LinkForecast samples;
  std::vector<std::vector<std::uint32_t>> paths;
};

/// For each pair: at each of the sky's marks the shortest path whose links hold until the next mark
/// is taken; between marks the delay changes with the satellites of that path. The link is down
/// from a mark at which there is no such path to the next. An error if the clock makes no sense.
/// `progress`, if given, is told now and then how much of the time has been gone through, in [0,
/// 1].
Result<std::vector<RouteHistory>> routes_over_time(
    const Sky& sky, std::span<const GroundPair> pairs, const RouteClock& clock,
    const std::function<void(double)>& progress = {});

}  // namespace axs::orbit
