#include "axs/orbit/lasers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "axs/core/dmath.h"
#include "axs/orbit/link_kernel.h"

namespace axs::orbit {

namespace {

constexpr double equator_km = 6378.137;
constexpr double degree = dmath::pi / 180;

enum Port : std::size_t { forward, back, east, west };

/// A pair that may be linked, seen from its first satellite.
struct Candidate {
  double distance;  ///< As rank() says; least first.
  Laser laser;
  Port port;

  Port far_port() const {
    constexpr std::array<Port, 4> opposite{back, forward, west, east};
    return opposite[port];
  }
};

/// What tells how two satellites move beside each other.
struct Place {
  double inclination;
  double sin_inclination;
  double cos_inclination;
  MeanPlace mean;
};

/// Whether the limits hold for satellites at height `radius_km` that come as far as `angle` apart.
bool always_reaches(double angle, double radius_km, const LaserLimits& limits) {
  if (angle > dmath::pi / 2) return false;
  const auto [sine, cosine] = dmath::sincos(angle / 2);
  return 2 * radius_km * sine <= limits.max_range_km &&
         radius_km * cosine >= equator_km + limits.min_altitude_km;
}

bool stay_together(const Place& a, const Place& b) {
  // 5 km of height are 0.4 degrees per revolution.
  return std::fabs(a.inclination - b.inclination) <= 0.1 * degree &&
         std::fabs(a.mean.semi_major_km - b.mean.semi_major_km) <= 5;
}

class Matcher {
 public:
  Matcher(std::span<const Sgp4> satellites, catalog::UtcTime at, const LaserLimits& limits)
      : limits_{limits}, taken_(satellites.size()) {
    for (const Sgp4& s : satellites)
      places_.push_back({s.tilt.inclination, s.tilt.sin, s.tilt.cos, mean_place(s, at)});
  }

  std::vector<Laser> match() {
    const auto count = static_cast<std::uint32_t>(places_.size());
    for (std::uint32_t a = 0; a < count; ++a)
      for (std::uint32_t b = a + 1; b < count; ++b)
        if (stay_together(places_[a], places_[b])) consider({a, b});
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& x, const Candidate& y) {
      return std::tie(x.distance, x.laser.a, x.laser.b) <
             std::tie(y.distance, y.laser.a, y.laser.b);
    });
    std::vector<Laser> lasers;
    for (const Candidate& candidate : candidates_) {
      bool& near = taken_[candidate.laser.a][candidate.port];
      bool& far = taken_[candidate.laser.b][candidate.far_port()];
      if (near || far) continue;
      near = far = true;
      lasers.push_back(candidate.laser);
    }
    return lasers;
  }

 private:
  /// For small angles between the planes, b stays `along` ahead of a while it swings by `across` to
  /// both sides once per revolution (Clohessy and Wiltshire 1960, for circular orbits).
  void consider(Laser laser) {
    const Place &a = places_[laser.a], &b = places_[laser.b];
    const double node = dmath::wrap_angle(b.mean.node - a.mean.node);
    const double phase =
        dmath::wrap_angle(b.mean.argument_of_latitude - a.mean.argument_of_latitude);
    const double along = dmath::wrap_angle(phase + node * a.cos_inclination);
    const double across = node * a.sin_inclination;
    const double farthest = std::sqrt(along * along + across * across);
    if (!always_reaches(farthest, std::min(a.mean.semi_major_km, b.mean.semi_major_km), limits_))
      return;
    // The planes of real shells lie degrees apart, satellites of one plane tenths of a degree.
    const bool same_plane = std::fabs(across) <= 1 * degree;
    const Port port = same_plane ? (phase > 0 ? forward : back) : (across > 0 ? east : west);
    candidates_.push_back({rank(phase, across), laser, port});
  }

  /// Satellites that cross the equator together come first, as in +Grid: over many planes a
  /// difference of phase adds up to a detour. A tenth for the distance across gave the shortest
  /// ways between San Francisco, Frankfurt and Tokyo over data/leo-53-550.tle.
  static double rank(double phase, double across) { return phase * phase + 0.1 * across * across; }

  LaserLimits limits_;
  std::vector<Place> places_;
  std::vector<Candidate> candidates_;
  std::vector<std::array<bool, 4>> taken_;
};

}  // namespace

BeamLimits beam_limits(const LaserLimits& limits) {
  constexpr double shortest_km = 1e-3;
  const double longest_km = limits.max_range_km, lowest_km = equator_km + limits.min_altitude_km;
  return {shortest_km * shortest_km, longest_km * longest_km, lowest_km * lowest_km};
}

bool laser_reaches(Vec3 a, Vec3 b, const LaserLimits& limits) {
  const link_kernel::Vec<Pack1> from{a.x, a.y, a.z}, to{b.x, b.y, b.z};
  return link_kernel::beam(from, to, beam_limits(limits)).reaches != 0;
}

std::vector<Laser> grid_lasers(const Shell& shell) {
  std::vector<Laser> lasers;
  const auto link = [&lasers](std::uint32_t a, std::uint32_t b) {
    lasers.push_back({std::min(a, b), std::max(a, b)});
  };
  const std::uint32_t planes = shell.planes, slots = shell.slots;
  const std::uint32_t seam_shift = shell.phasing == Phasing::walker ? shell.walker_f : 0;
  for (std::uint32_t plane = 0; plane < planes; ++plane) {
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      const std::uint32_t here = plane * slots + slot;
      // A ring of two has one link, not two.
      if (slot + 1 < slots) link(here, here + 1);
      if (slot + 1 == slots && slots > 2) link(here, plane * slots);
      if (plane + 1 < planes) link(here, here + slots);
      if (plane + 1 == planes && planes > 2 && shell.spread == Spread::delta)
        link(here, (slot + seam_shift) % slots);
    }
  }
  return lasers;
}

std::vector<Laser> matched_lasers(std::span<const Sgp4> satellites, catalog::UtcTime at,
                                  const LaserLimits& limits) {
  return Matcher{satellites, at, limits}.match();
}

}  // namespace axs::orbit
