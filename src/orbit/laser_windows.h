#pragma once

#include <cstdint>
#include <vector>

#include "axs/orbit/sky.h"

namespace axs::orbit {

/// A stretch of time in which the beam of a laser link keeps the limits.
struct LaserWindow {
  std::uint32_t laser;     ///< Its number in Sky::lasers().
  catalog::UtcTime opens;  ///< Within a millisecond; likewise the next.
  catalog::UtcTime closes;
  double shortest_km;  ///< Of the beam at the steps of the scan within the window.
  double longest_km;
  bool before;  ///< It was open when the scan began: `opens` is that moment.
  bool after;   ///< Likewise at the end.
};

/// Finds when the lasers of a sky reach, within a span of time. Goes through time in steps, and by
/// bisection to the moments at which a beam comes to keep the limits or no longer does. What opens
/// and closes between two steps, or the other way round, is not seen: a beam that takes as long to
/// be acquired would be of no use.
class LaserScan {
 public:
  struct Span {
    catalog::UtcTime start{};
    Duration length{};
    Duration step = seconds(12);
  };

  /// `sky` must outlive it.
  LaserScan(const Sky& sky, const Span& span);

  /// Goes one step on; false once the end has been reached.
  bool advance();
  /// How much of the span is behind, in [0, 1].
  double progress() const;
  /// How many windows have closed.
  std::size_t found() const { return found_.size(); }
  /// Once the scan is at its end, all windows, in order of laser and time.
  std::vector<LaserWindow> windows() const;

 private:
  bool reaches(std::uint32_t laser, catalog::UtcTime at) const;
  void look(std::uint32_t laser, double km);
  void close(std::uint32_t laser, catalog::UtcTime at);
  catalog::UtcTime crossing(std::uint32_t laser, catalog::UtcTime out, catalog::UtcTime in) const;
  catalog::UtcTime end() const { return span_.start + span_.length; }

  const Sky& sky_;
  Span span_;
  catalog::UtcTime last_;
  catalog::UtcTime now_;
  bool begun_ = false;
  /// By laser; `closes` is not known yet, and before `opens` where it does not reach.
  std::vector<LaserWindow> open_;
  std::vector<LaserWindow> found_;
};

}  // namespace axs::orbit
