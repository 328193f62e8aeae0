#pragma once

#include <cstddef>
#include <cstdint>

#include "axs/core/pack.h"

/// The links of an instant, sixteen at a time: which beams between satellites reach and how long
/// they are, which satellites stand high over a station. Included by one file per vector width.
namespace axs::orbit {

inline constexpr std::size_t link_lanes = 16;

struct BeamLimits {
  double shortest2_km2;  ///< Squares of lengths.
  double longest2_km2;
  double lowest2_km2;  ///< Of the least distance from the earth's centre.
};

/// The ends of sixteen beams, kilometres.
struct alignas(64) BeamBlock {
  double ax[link_lanes], ay[link_lanes], az[link_lanes];
  double bx[link_lanes], by[link_lanes], bz[link_lanes];
};

/// A direction, and how far along it a satellite must be from the earth's centre.
struct Height {
  double up_x, up_y, up_z;
  double lowest_km;
};

/// Satellites in blocks of sixteen, and stations.
struct HeightRun {
  const double* x;
  const double* y;
  const double* z;
  std::size_t blocks;
  const Height* stations;
  std::size_t count;
  std::uint16_t* above;  ///< Block by block, for each station a bit per satellite.
};

namespace link_kernel {

template <class P>
struct Vec {
  P x, y, z;
};

template <class P>
[[gnu::always_inline]] inline P dot(Vec<P> a, Vec<P> b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

template <class P>
struct Beam {
  P length2_km2;
  unsigned reaches;  ///< A bit per lane.
};

/// A beam reaches if its length is within the limits and its lowest point high enough.
template <class P>
[[gnu::always_inline]] inline Beam<P> beam(Vec<P> a, Vec<P> b, const BeamLimits& limits) {
  const Vec<P> way{b.x - a.x, b.y - a.y, b.z - a.z};
  const P length2 = dot(way, way), zero{0.0}, one{1.0};
  // The point that is nearest to the earth's centre.
  const P share = min(max((zero - dot(a, way)) / length2, zero), one);
  const Vec<P> low{a.x + share * way.x, a.y + share * way.y, a.z + share * way.z};
  const unsigned length_fits = within(length2, P{limits.shortest2_km2}, P{limits.longest2_km2});
  return {length2, length_fits & ~less(dot(low, low), P{limits.lowest2_km2})};
}

/// Writes the lengths; returns a bit per beam that reaches.
template <class P>
std::uint16_t beams(const BeamBlock& block, const BeamLimits& limits, double* km) {
  const auto at = [](const double* x, const double* y, const double* z, std::size_t lane) {
    return Vec<P>{P::load(x + lane), P::load(y + lane), P::load(z + lane)};
  };
  unsigned reaches = 0;
  for (std::size_t lane = 0; lane < link_lanes; lane += P::width) {
    const Beam<P> found = beam(at(block.ax, block.ay, block.az, lane),
                               at(block.bx, block.by, block.bz, lane), limits);
    sqrt(found.length2_km2).store(km + lane);
    reaches |= found.reaches << lane;
  }
  return static_cast<std::uint16_t>(reaches);
}

/// Which satellites of a block are high enough, a bit per lane.
template <class P>
[[gnu::always_inline]] inline unsigned above(const HeightRun& run, std::size_t block,
                                             const Height& station) {
  const P lowest{station.lowest_km};
  const Vec<P> up{P{station.up_x}, P{station.up_y}, P{station.up_z}};
  unsigned above = 0;
  for (std::size_t lane = 0; lane < link_lanes; lane += P::width) {
    const std::size_t i = block * link_lanes + lane;
    const Vec<P> satellite{P::load(run.x + i), P::load(run.y + i), P::load(run.z + i)};
    above |= (~less(dot(satellite, up), lowest) & ((1U << P::width) - 1)) << lane;
  }
  return above;
}

template <class P>
void heights(const HeightRun& run) {
  for (std::size_t block = 0; block < run.blocks; ++block)
    for (std::size_t i = 0; i < run.count; ++i)
      run.above[block * run.count + i] =
          static_cast<std::uint16_t>(above<P>(run, block, run.stations[i]));
}

}  // namespace link_kernel

}  // namespace axs::orbit
