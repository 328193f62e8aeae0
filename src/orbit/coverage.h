#pragma once

#include <cstdint>
#include <vector>

#include "axs/orbit/contacts.h"

namespace axs::orbit {

/// The earth in cells of equal degrees, looked at from their middles: how many satellites each saw
/// at the times that were added.
class Coverage {
 public:
  /// `rows` from the north pole to the south pole, twice as many columns from 180 degrees west. The
  /// horizon's place counts for nothing.
  Coverage(std::size_t rows, const GroundStation& horizon);

  void add(const Sgp4Batch& satellites, catalog::UtcTime at);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return 2 * rows_; }
  /// Of the middle of a row.
  double latitude_deg(std::size_t row) const;

  /// Satellites in sight, mean over time.
  double mean(std::size_t row, std::size_t column) const;
  /// The least number that was in sight at once.
  std::uint32_t least(std::size_t row, std::size_t column) const;
  /// The share of the times at which there was one at least.
  double share(std::size_t row, std::size_t column) const;

 private:
  struct CellCount {
    std::uint64_t sum = 0;
    std::uint32_t least = UINT32_MAX;
    std::uint32_t covered = 0;
    std::uint32_t now = 0;
  };
  void count(Vec3 satellite_ecef_km);
  const CellCount& cell(std::size_t row, std::size_t column) const {
    return cells_[row * columns() + column];
  }

  std::size_t rows_;
  double min_elevation_rad_;
  std::vector<Sight> middles_;
  std::vector<CellCount> cells_;
  std::uint32_t times_ = 0;
  TemeStates states_;
};

}  // namespace axs::orbit
