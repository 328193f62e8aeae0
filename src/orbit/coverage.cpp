#include "axs/orbit/coverage.h"

#include <algorithm>
#include <cmath>

#include "axs/core/assert.h"
#include "axs/core/dmath.h"

namespace axs::orbit {

namespace {

constexpr double degree = dmath::pi / 180;
/// Any place of the earth is at least that far from its centre.
constexpr double polar_km = 6356.752;

}  // namespace

Coverage::Coverage(std::size_t rows, const GroundStation& horizon)
    : rows_{rows}, min_elevation_rad_{horizon.min_elevation_deg * degree}, cells_(2 * rows * rows) {
  AXS_ASSERT(rows > 0);
  GroundStation middle = horizon;
  for (std::size_t row = 0; row < rows_; ++row)
    for (std::size_t column = 0; column < columns(); ++column) {
      const double from_west = (static_cast<double>(column) + 0.5) * 180;
      middle.at = ground_point({latitude_deg(row), from_west / static_cast<double>(rows_) - 180});
      middles_.emplace_back(middle);
    }
}

double Coverage::latitude_deg(std::size_t row) const {
  return 90 - (static_cast<double>(row) + 0.5) * 180 / static_cast<double>(rows_);
}

void Coverage::add(const Sgp4Batch& satellites, catalog::UtcTime at) {
  satellites.propagate(at, states_);
  const EarthRotation rotation{at};
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const TemeState state = states_[i];
    if (state.state == OrbitState::fine) count(rotation.to_ecef(state.position_km));
  }
  ++times_;
  for (CellCount& cell : cells_) {
    cell.sum += cell.now;
    cell.least = std::min(cell.least, cell.now);
    cell.covered += cell.now > 0 ? 1 : 0;
    cell.now = 0;
  }
}

/// Only rows that the satellite can reach are looked at: from the elevation follows how far from
/// the place below it may be seen (angle at the centre: acos(R cos e / r) - e), with a degree to
/// spare for the ellipsoid.
void Coverage::count(Vec3 satellite_ecef_km) {
  const double share = polar_km / norm(satellite_ecef_km) * dmath::cos(min_elevation_rad_);
  const double reach_deg = (dmath::acos(std::min(share, 1.0)) - min_elevation_rad_) / degree + 1;
  const double latitude = place_below(satellite_ecef_km).latitude_deg;
  const double row_deg = 180 / static_cast<double>(rows_);
  const auto row_of = [&](double at) {
    return std::clamp(std::floor((90 - at) / row_deg), 0.0, static_cast<double>(rows_ - 1));
  };
  const auto first = static_cast<std::size_t>(row_of(latitude + reach_deg));
  const auto last = static_cast<std::size_t>(row_of(latitude - reach_deg));
  for (std::size_t cell = first * columns(); cell < (last + 1) * columns(); ++cell) {
    if (middles_[cell].sees(satellite_ecef_km)) ++cells_[cell].now;
  }
}

double Coverage::mean(std::size_t row, std::size_t column) const {
  return static_cast<double>(cell(row, column).sum) / std::max(times_, 1U);
}

std::uint32_t Coverage::least(std::size_t row, std::size_t column) const {
  return times_ == 0 ? 0 : cell(row, column).least;
}

double Coverage::share(std::size_t row, std::size_t column) const {
  return static_cast<double>(cell(row, column).covered) / std::max(times_, 1U);
}

}  // namespace axs::orbit
