#pragma once

#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "axs/core/simd.h"
#include "axs/orbit/lasers.h"
#include "axs/orbit/sgp4_batch.h"
#include "axs/orbit/station.h"

namespace axs::orbit {

struct SkyKernels;

/// Links that hold at both ends of so short a time hold all through it.
inline constexpr Duration sky_interval_max = seconds(60);

struct SkyOptions {
  double min_elevation_deg = 25;  ///< Of a user's terminal.
  /// A gateway's horizon is free; lower down, the way through air and rain becomes too long.
  double gateway_min_elevation_deg = 10;
  double max_ground_range_km = std::numeric_limits<double>::infinity();
  LaserLimits lasers{};
  /// Routes are chosen anew at these intervals. Starlink's are 15 s, at the same seconds all over
  /// the world: 12, 27, 42 and 57 past the minute (Mohan et al., arXiv 2310.09242).
  Duration reconfiguration = seconds(15);
  Duration first_mark = seconds(12);  ///< Where a mark falls, counted from 1970-01-01T00:00:00Z.
};

/// A station that keeps to those options.
GroundStation station(const SkyOptions& options, catalog::GeoPoint at, StationKind kind);

/// Satellites, known by index, and the lasers between them.
class Sky {
 public:
  /// Shells, each with its +Grid and no laser to another; the satellites of the first come first.
  static Result<Sky> of_shells(std::span<const Shell> shells, const SkyOptions& options = {});
  static Result<Sky> of_shell(const Shell& shell, const SkyOptions& options = {}) {
    return of_shells({&shell, 1}, options);
  }
  /// Real satellites with lasers matched for the time `at`, good for hours around it: that is how
  /// long satellites of one shell stay beside each other.
  static Result<Sky> of_elements(std::span<const MeanElements> elements, catalog::UtcTime at,
                                 const SkyOptions& options = {});

  const SkyOptions& options() const { return options_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(satellites_.satellites().size()); }
  const std::vector<Laser>& lasers() const { return lasers_; }
  /// For each laser terminal the one at the other end, or itself if it is not used.
  std::span<const std::uint32_t> far_terminals() const { return far_terminals_; }
  /// The terminal at the first end of a laser.
  std::uint32_t terminal_of(std::size_t laser) const { return laser_terminals_[laser]; }

  /// A station that keeps to the options of this sky.
  GroundStation station(catalog::GeoPoint at, StationKind kind = StationKind::user) const {
    return orbit::station(options_, at, kind);
  }

  /// All satellites in ECEF. One that has no position any more is put at the earth's centre, where
  /// nobody sees it and no laser reaches.
  std::vector<Vec3> positions_km(catalog::UtcTime at) const;
  /// The same of one, by the plain theory.
  Vec3 position_km(std::uint32_t satellite, catalog::UtcTime at) const;
  /// The same one acquisition before `at`; empty if acquisition takes no time.
  std::vector<Vec3> aimed_km(catalog::UtcTime at) const;
  /// One way between two stations over the given satellites as they stand at `at`, whether the
  /// links are feasible or not.
  Duration delay_over(std::span<const std::uint32_t> satellites, const GroundPoint& from,
                      const GroundPoint& to, catalog::UtcTime at) const;

 private:
  Sky(std::vector<Sgp4> satellites, std::vector<Laser> lasers, const SkyOptions& options);

  SkyOptions options_;
  Sgp4Batch satellites_;
  std::vector<Laser> lasers_;
  std::vector<std::uint32_t> far_terminals_;
  std::vector<std::uint32_t> laser_terminals_;
};

/// A way up, over satellites, and down.
struct SkyPath {
  double length_km;
  Duration one_way;
  std::vector<std::uint32_t> satellites;
};

/// The satellites that each of some stations sees, in order of index, and how far they are.
struct UpLinks {
  std::vector<std::uint32_t> first;  ///< Those of station i are number first[i] to first[i + 1].
  std::vector<std::uint32_t> satellites;
  std::vector<double> km;
};

/// Where all satellites are at the times that decide which links can be used all through an
/// interval: positions as Sky::positions_km() gives them.
struct SkyMoments {
  std::vector<Vec3> begin;
  std::vector<Vec3> end;  ///< Empty for an instant.
  /// One acquisition before the beginning; empty if every beam that reaches counts as acquired.
  std::vector<Vec3> aimed;
};

/// The links that can be used at one instant, or all through an interval, and the shortest paths
/// over them. The sky must outlive it.
class SkyGraph {
 public:
  SkyGraph(const Sky& sky, catalog::UtcTime at);
  /// Links that are feasible at both ends of the interval, beams since their acquisition began,
  /// with their lengths at its beginning. In so short a time elevation, range and height of a beam
  /// have no second extreme.
  SkyGraph(const Sky& sky, SkyMoments moments, SimdLevel level = simd_level());

  const Sky& sky() const { return *sky_; }
  /// How long the beam from each laser terminal is; infinite where none reaches.
  std::span<const double> terminal_km() const { return terminal_km_; }
  UpLinks up_links(std::span<const GroundStation> stations) const;

  /// The path with the least propagation delay (Dijkstra), or nothing if there is none. Never over
  /// a third ground station. Of equals, the one whose satellites have lower indices, compared from
  /// the last one on. For many pairs a RouteTable is faster.
  std::optional<SkyPath> shortest(const GroundStation& from, const GroundStation& to) const;

 private:
  bool usable(const Sight& sight, std::uint32_t satellite) const;
  void find_beams(const SkyMoments& moments);
  void add_up_links(const Sight& sight, std::size_t block, unsigned lanes, UpLinks& links) const;

  const Sky* sky_;
  const SkyKernels* kernels_;
  std::vector<Vec3> positions_;
  std::vector<Vec3> end_;  ///< Empty for an instant.
  std::vector<double> terminal_km_;
  std::vector<double> x_, y_, z_;  ///< positions_ in whole blocks for the kernels.
  double lowest_radius_km_;        ///< Of all satellites that are somewhere.
};

}  // namespace axs::orbit
