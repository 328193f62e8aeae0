#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "axs/catalog/geo.h"
#include "axs/core/result.h"

namespace axs::catalog {

/// A city that may be named instead of its coordinates.
struct Place {
  std::string_view code;  ///< IATA's of the city, in lower case.
  std::string_view name;
  GeoPoint at;
};

/// In order of code.
std::span<const Place> places();

/// What "37.77,-122.42" or "sfo" says: north and east positive, degrees. An error tells what was
/// seen and what is wanted.
Result<GeoPoint> parse_place(std::string_view text);

}  // namespace axs::catalog
