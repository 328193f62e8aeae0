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

/// Satellites in blocks of sixteen, and a direction.
struct HeightRun {
  const double* x;
  const double* y;
  const double* z;
  std::size_t blocks;
  double up_x, up_y, up_z;
  double lowest_km;
  std::uint16_t* above;  ///< For each block a bit per satellite that is this high along `up`.
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

template <class P>
void heights(const HeightRun& run) {
  const P lowest{run.lowest_km};
  const Vec<P> up{P{run.up_x}, P{run.up_y}, P{run.up_z}};
  for (std::size_t block = 0; block < run.blocks; ++block) {
    unsigned above = 0;
    for (std::size_t lane = 0; lane < link_lanes; lane += P::width) {
      const std::size_t i = block * link_lanes + lane;
      const Vec<P> satellite{P::load(run.x + i), P::load(run.y + i), P::load(run.z + i)};
      above |= (~less(dot(satellite, up), lowest) & ((1U << P::width) - 1)) << lane;
    }
    run.above[block] = static_cast<std::uint16_t>(above);
  }
}

}  // namespace link_kernel

}  // namespace axs::orbit
