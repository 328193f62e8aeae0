#pragma once

#include <span>
#include <string>
#include <vector>

#include "axs/catalog/geo.h"

namespace axs::report {

/// Values over the whole earth: rows of equal height from the north pole to the south pole, columns
/// of equal width from 180 degrees west.
struct WorldGrid {
  std::size_t rows;
  std::size_t columns;
  std::vector<double> values;  ///< Row by row.
  std::string unit;            ///< "satellites in sight".
};

/// The earth on a plate carree, as an SVG element that is whole without a script.
class WorldMap {
 public:
  /// `land` is that of assets.h.
  explicit WorldMap(std::string_view land);

  /// Colours each cell by its value, from the least to the greatest, under everything else.
  void colour(const WorldGrid& grid);
  /// A line through those points; one that crosses 180 degrees goes on at the other side.
  void track(std::span<const catalog::GeoPoint> points, std::string_view name);
  void mark(catalog::GeoPoint at, std::string_view name);

  std::string svg(std::string_view label) const;

 private:
  std::string land_;
  std::string cells_;
  std::string legend_;
  std::string tracks_;
  std::string marks_;
};

}  // namespace axs::report
