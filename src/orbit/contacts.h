#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "axs/orbit/sgp4_batch.h"
#include "axs/orbit/station.h"

namespace axs::orbit {

/// A pass of one satellite over one station.
struct Contact {
  std::uint32_t station;
  std::uint32_t satellite;
  catalog::UtcTime rise;  ///< When it comes into sight, within a millisecond; likewise the next.
  catalog::UtcTime set;
  catalog::UtcTime highest;  ///< Of the part of the pass within the scan.
  double max_elevation_deg;
  bool before;  ///< It was in sight when the scan began: `rise` is that moment.
  bool after;   ///< Likewise at the end.
};

/// Finds every pass within a span of time. Goes through time in steps and then to the exact moment:
/// between two steps by bisection, and where a satellite only just comes into sight and goes out
/// between two steps, by looking for its highest point first. That is sure as long as a satellite
/// culminates once at most in two steps, which holds for steps of up to a minute and any orbit
/// above the air.
class ContactScan {
 public:
  struct Span {
    catalog::UtcTime start{};
    Duration length{};
    Duration step = seconds(30);
  };

  /// `satellites` must outlive it.
  ContactScan(const Sgp4Batch& satellites, std::vector<GroundStation> stations, const Span& span);

  /// Goes one step on; false once the end has been reached.
  bool advance();
  /// How much of the span is behind, in [0, 1].
  double progress() const;
  /// How many contacts() has.
  std::size_t found() const { return found_.size(); }
  /// The contacts whose end is known; once the scan is at its end, all. In order of station, rise
  /// and satellite.
  std::vector<Contact> contacts() const;

 private:
  /// One satellite over one station: how far within the station's limits it was one step ago and is
  /// now, in no unit; in sight from 0 on.
  struct Track {
    double before = -std::numeric_limits<double>::infinity();
    double now = -std::numeric_limits<double>::infinity();
    // Of the pass under way, if there is one:
    catalog::UtcTime rise{};
    double greatest{};               ///< Of `now` over its steps,
    catalog::UtcTime greatest_at{};  ///< and when that was.
  };
  struct Pair {
    std::uint32_t station;
    std::uint32_t satellite;
  };

  double margin(std::uint32_t station, Vec3 satellite_ecef_km) const;
  Vec3 place(std::uint32_t satellite, catalog::UtcTime at) const;
  double sin_elevation(Pair pair, catalog::UtcTime at) const;
  bool in_sight(Pair pair, catalog::UtcTime at) const;
  void look(Pair pair, double margin);
  void look_between(Pair pair);
  void note(Pair pair, catalog::UtcTime rise, catalog::UtcTime set, catalog::UtcTime near);
  catalog::UtcTime crossing(Pair pair, catalog::UtcTime out, catalog::UtcTime in) const;
  catalog::UtcTime culmination(Pair pair, catalog::UtcTime from, catalog::UtcTime to) const;
  catalog::UtcTime end() const { return span_.start + span_.length; }

  const Sgp4Batch& satellites_;
  std::vector<GroundStation> stations_;
  std::vector<double> min_sin_elevation_;
  Span span_;
  catalog::UtcTime earlier_;  ///< Two steps ago, one step ago, now.
  catalog::UtcTime last_;
  catalog::UtcTime now_;
  bool begun_ = false;
  /// By how much a satellite can be higher between two steps than at them: the sine of the
  /// elevation turns over within (speed / height)^2 t^2 / 2, which for an orbit at 200 km and 15 s
  /// is 0.17.
  double slack_;
  TemeStates states_;
  std::vector<Track> tracks_;  ///< By station, then satellite.
  std::vector<Contact> found_;
};

/// For each contact the one that its station can go on with when it ends: of those in sight then,
/// the one that stays longest; none if nothing else is in sight, or if the scan ended first.
std::vector<std::optional<std::size_t>> handovers(std::span<const Contact> contacts);

}  // namespace axs::orbit
