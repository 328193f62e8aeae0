#pragma once

#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "axs/orbit/frames.h"
#include "axs/orbit/lasers.h"

namespace axs::orbit {

struct SkyOptions {
  double min_elevation_deg = 25;
  double max_ground_range_km = std::numeric_limits<double>::infinity();
  LaserLimits lasers{};
  /// Routes are chosen anew at these intervals. Starlink's are 15 s, at the same seconds all over
  /// the world: 12, 27, 42 and 57 past the minute (Mohan et al., arXiv 2310.09242).
  Duration reconfiguration = seconds(15);
  Duration first_mark = seconds(12);  ///< Where a mark falls, counted from 1970-01-01T00:00:00Z.
};

/// Satellites, known by index, and the lasers between them.
class Sky {
 public:
  /// A shell with its +Grid.
  static Result<Sky> of_shell(const Shell& shell, const SkyOptions& options = {});
  /// Real satellites with lasers matched for the time `at`, good for hours around it: that is how
  /// long satellites of one shell stay beside each other.
  static Result<Sky> of_elements(std::span<const MeanElements> elements, catalog::UtcTime at,
                                 const SkyOptions& options = {});

  const SkyOptions& options() const { return options_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(satellites_.size()); }
  const std::vector<Laser>& lasers() const { return lasers_; }
  /// The indices in lasers() of those that end at a satellite.
  std::span<const std::uint32_t> lasers_at(std::uint32_t satellite) const;

  /// All satellites in ECEF. One that has no position any more is put at the earth's centre, where
  /// nobody sees it and no laser reaches.
  std::vector<Vec3> positions_km(catalog::UtcTime at) const;
  bool sees(const GroundPoint& station, Vec3 satellite_km) const;
  /// One way between two stations over the given satellites as they stand at `at`, whether the
  /// links are feasible or not.
  Duration delay_over(std::span<const std::uint32_t> satellites, const GroundPoint& from,
                      const GroundPoint& to, catalog::UtcTime at) const;

 private:
  Sky(std::vector<Sgp4> satellites, std::vector<Laser> lasers, const SkyOptions& options);

  SkyOptions options_;
  double min_sin_elevation_;
  std::vector<Sgp4> satellites_;
  std::vector<Laser> lasers_;
  // The lasers of satellite i are laser_of_[first_laser_[i]] to laser_of_[first_laser_[i + 1]].
  std::vector<std::uint32_t> first_laser_;
  std::vector<std::uint32_t> laser_of_;
};

/// A way up, over satellites, and down.
struct SkyPath {
  Duration one_way;
  std::vector<std::uint32_t> satellites;
};

/// The links that can be used at one instant, or all through an interval, and the shortest paths
/// over them.
class SkyGraph {
 public:
  SkyGraph(const Sky& sky, catalog::UtcTime at);
  /// Links that are feasible at both ends of an interval, with their lengths at its beginning. In
  /// so short a time elevation, range and height of a beam have no second extreme. The positions
  /// are those of Sky::positions_km().
  SkyGraph(const Sky& sky, std::vector<Vec3> at_begin, std::vector<Vec3> at_end);

  /// The path with the least propagation delay (Dijkstra), or nothing if there is none. Never over
  /// a third ground station. Of equals, the one whose satellites have lower indices, compared from
  /// the last one on.
  std::optional<SkyPath> shortest(const GroundPoint& from, const GroundPoint& to) const;

 private:
  bool usable(const GroundPoint& station, std::uint32_t satellite) const;

  const Sky& sky_;
  std::vector<Vec3> positions_;
  std::vector<Vec3> end_;         ///< The same as positions_ for an instant.
  std::vector<double> laser_km_;  ///< Infinite where a laser does not reach.
};

}  // namespace axs::orbit
