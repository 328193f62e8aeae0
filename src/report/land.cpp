#include "axs/report/land.h"

#include <algorithm>
#include <charconv>

namespace axs::report {
namespace {

/// Longitudes and latitudes in turn, in tenths of a degree.
std::vector<catalog::GeoPoint> outline(std::string_view text) {
  std::vector<catalog::GeoPoint> points;
  double longitude = 0;
  bool have_longitude = false;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    double number = 0;
    const auto read = std::from_chars(at, end, number);
    if (read.ec != std::errc{}) break;
    if (have_longitude) points.push_back({number / 10, longitude});
    longitude = number / 10;
    have_longitude = !have_longitude;
    at = read.ptr + 1;
  }
  return points;
}

}  // namespace

std::vector<std::vector<catalog::GeoPoint>> land_outlines(std::string_view rings) {
  std::vector<std::vector<catalog::GeoPoint>> outlines;
  while (!rings.empty()) {
    const std::size_t end = std::min(rings.find('\n'), rings.size());
    outlines.push_back(outline(rings.substr(0, end)));
    rings.remove_prefix(std::min(end + 1, rings.size()));
  }
  return outlines;
}

}  // namespace axs::report
