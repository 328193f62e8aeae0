#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "axs/orbit/sgp4.h"
#include "axs/orbit/shell.h"

/// Who points lasers at whom. The assignment is fixed, since turning a laser to another satellite
/// takes seconds; whether a laser reaches at a given time is another question.
namespace axs::orbit {

struct BeamLimits;

/// A laser link between two satellites, a < b.
struct Laser {
  std::uint32_t a;
  std::uint32_t b;
};

struct LaserLimits {
  /// Brashears, "Achieving ~99 % link uptime on a fleet of 100G space laser inter-satellite links",
  /// 2024.
  double max_range_km = 5400;
  /// The beam stays this far above a sphere of the equator's radius, over nearly all of the air.
  double min_altitude_km = 80;
  /// How long it takes from when the limits hold until the beam carries. The fastest acquisitions
  /// that Brashears reports took 12 s.
  Duration acquisition = seconds(12);
};

/// The limits as the kernels take them. A beam is a metre long at least: a satellite that is listed
/// twice has no beam to itself, and no two paths differ by going to and fro at no cost.
BeamLimits beam_limits(const LaserLimits& limits);

/// Whether a beam between two points (kilometres, any frame centred on the earth) keeps the limits.
bool laser_reaches(Vec3 a, Vec3 b, const LaserLimits& limits);

/// +Grid: each satellite with the next and the previous of its plane and with the same slot in both
/// neighbouring planes; from the last plane of a delta to the first, the slots that its phasing has
/// put beside each other; none from the last plane of a star to the first.
std::vector<Laser> grid_lasers(const Shell& shell);

/// For real satellites: at most one laser forward and one back in the plane, one to the east and
/// one to the west, nearest satellites first, ties by index. Two satellites qualify if their orbits
/// have the same inclination and height, so that they stay beside each other, and if the limits
/// hold all around the orbit. In a full shell that is +Grid.
std::vector<Laser> matched_lasers(std::span<const Sgp4> satellites, catalog::UtcTime at,
                                  const LaserLimits& limits);

}  // namespace axs::orbit
