#pragma once

#include <string>
#include <utility>
#include <vector>

namespace axs::report {

/// A line over time, as an SVG element that is whole without a script.
struct LineChart {
  std::string label;   ///< For who cannot see it.
  std::string x_unit;  ///< "s"
  std::string y_unit;  ///< "ms"
  /// x, and y or NaN where there is no value; x grows.
  std::vector<std::pair<double, double>> points;
  /// Something known that the line cannot go below, and its name; NaN for none.
  double floor;
  std::string floor_name;

  std::string svg() const;
};

}  // namespace axs::report
