#pragma once

#include <cstdint>
#include <limits>

#include "axs/orbit/frames.h"

namespace axs::orbit {

/// A terminal that someone bought, among roofs and trees, or an operator's dish on open ground.
enum class StationKind : std::uint8_t { user, gateway };

/// A station and what it counts as seeing a satellite.
struct GroundStation {
  GroundPoint at;
  double min_elevation_deg = 25;
  double max_range_km = std::numeric_limits<double>::infinity();
};

/// A station made ready to be asked about many satellites.
class Sight {
 public:
  explicit Sight(const GroundStation& station);

  bool sees(Vec3 satellite_km) const;
  double range_km(Vec3 satellite_km) const { return norm(satellite_km - at_.position_km); }
  /// How far along the station's vertical, counted from the earth's centre, every satellite is that
  /// is seen, if none is closer to the centre than `radius_km`. What is lower need not be asked
  /// about.
  double lowest_km(double radius_km) const;

 private:
  GroundPoint at_;
  double min_sin_elevation_;
  double max_range_km_;
};

}  // namespace axs::orbit
