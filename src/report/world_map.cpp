#include "axs/report/world_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "axs/report/land.h"
#include "axs/report/text.h"

namespace axs::report {
namespace {

using catalog::GeoPoint;

constexpr double width = 960, height = 480, legend_height = 44;

double x_of(double longitude_deg) {
  return (longitude_deg + 180) / 360 * width;
}
double y_of(double latitude_deg) {
  return (90 - latitude_deg) / 180 * height;
}

/// Viridis (van der Walt and Smith 2015): evenly brighter, for any colour vision.
std::string colour_of(double share) {
  constexpr std::array<std::array<double, 3>, 5> stops{
      {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}};
  const double at = std::clamp(share, 0.0, 1.0) * (stops.size() - 1);
  const auto low = std::min(static_cast<std::size_t>(at), stops.size() - 2);
  const double part = at - static_cast<double>(low);
  std::array<int, 3> mixed{};
  for (std::size_t i = 0; i < 3; ++i)
    mixed[i] = static_cast<int>(std::lround(stops[low][i] * (1 - part) + stops[low + 1][i] * part));
  return fmt::format("#{:02x}{:02x}{:02x}", mixed[0], mixed[1], mixed[2]);
}

std::string point(char command, GeoPoint at) {
  return fmt::format("{}{:.1f} {:.1f}", command, x_of(at.longitude_deg), y_of(at.latitude_deg));
}

/// To the edge of the map on the way from a to b, and on from the other edge.
std::string across_the_edge(GeoPoint a, GeoPoint b) {
  const double edge = a.longitude_deg > 0 ? 180 : -180;
  const double whole = 360 - std::abs(b.longitude_deg - a.longitude_deg);
  const double share = whole > 0 ? std::abs(edge - a.longitude_deg) / whole : 0;
  const double latitude = a.latitude_deg + (b.latitude_deg - a.latitude_deg) * share;
  return point('L', {latitude, edge}) + point('M', {latitude, -edge});
}

std::string path_of(std::span<const GeoPoint> points) {
  std::string path;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i > 0 && std::abs(points[i].longitude_deg - points[i - 1].longitude_deg) > 180)
      path += across_the_edge(points[i - 1], points[i]);
    path += point(i == 0 ? 'M' : 'L', points[i]);
  }
  return path;
}

std::string graticule() {
  std::string path;
  for (int longitude = -150; longitude < 180; longitude += 30)
    path += fmt::format("M{0:.1f} 0V{1:.0f}", x_of(longitude), height);
  for (int latitude = -60; latitude < 90; latitude += 30)
    path += fmt::format("M0 {0:.1f}H{1:.0f}", y_of(latitude), width);
  return "<path class=\"grid\" d=\"" + path + "\"/>\n";
}

/// A bar of the colours with its ends and its middle named.
std::string legend(double least, double greatest, const std::string& unit) {
  constexpr double left = 20, bar_width = 240, bar_height = 10, top = height + 8;
  std::string svg;
  constexpr int steps = 48;
  for (int i = 0; i < steps; ++i)
    svg +=
        fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>",
                    left + bar_width * i / steps, top, bar_width / steps + 0.5, bar_height,
                    colour_of((i + 0.5) / steps));
  for (const double share : {0.0, 0.5, 1.0})
    svg += fmt::format(
        "<text class=\"name\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.3g}</text>",
        left + bar_width * share, top + 26, least + (greatest - least) * share);
  return svg + fmt::format("<text class=\"name\" x=\"{}\" y=\"{}\">{}</text>\n",
                           left + bar_width + 20, top + 10, escaped(unit));
}

}  // namespace

WorldMap::WorldMap(std::string_view land) {
  std::string paths;
  for (const auto& outline : land_outlines(land)) paths += path_of(outline) + "Z";
  land_ = std::move(paths);
}

void WorldMap::colour(const WorldGrid& grid) {
  const auto [low, high] = std::ranges::minmax_element(grid.values);
  const double least = *low, span = std::max(*high - least, 1e-12);
  const double cell_width = width / static_cast<double>(grid.columns);
  const double cell_height = height / static_cast<double>(grid.rows);
  for (std::size_t row = 0; row < grid.rows; ++row)
    for (std::size_t column = 0; column < grid.columns; ++column) {
      const double value = grid.values[row * grid.columns + column];
      // Half a pixel more, so that no gap shows between cells.
      cells_ += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\">"
          "<title>{:.3g} {}</title></rect>",
          static_cast<double>(column) * cell_width, static_cast<double>(row) * cell_height,
          cell_width + 0.5, cell_height + 0.5, colour_of((value - least) / span), value,
          escaped(grid.unit));
    }
  legend_ = legend(least, least + span, grid.unit);
}

void WorldMap::track(std::span<const GeoPoint> points, std::string_view name) {
  tracks_ += fmt::format("<path class=\"track\" d=\"{}\"><title>{}</title></path>\n",
                         path_of(points), escaped(name));
}

void WorldMap::mark(GeoPoint at, std::string_view name) {
  const double x = x_of(at.longitude_deg), y = y_of(at.latitude_deg);
  const bool left = x > width * 0.85;
  marks_ += fmt::format(
      "<circle class=\"site\" cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"4.5\"/>"
      "<text class=\"name\" x=\"{2:.1f}\" y=\"{3:.1f}\" text-anchor=\"{4}\">{5}</text>\n",
      x, y, x + (left ? -8 : 8), y - 6, left ? "end" : "start", escaped(name));
}

std::string WorldMap::svg(std::string_view label) const {
  const double tall = height + (legend_.empty() ? 0 : legend_height);
  // Over colours land is an outline, or it would hide them.
  const std::string land =
      fmt::format("<path class=\"{}\" d=\"{}\"/>\n", cells_.empty() ? "land" : "coast", land_);
  return fmt::format(
      "<svg class=\"world\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" "
      "aria-label=\"{}\">\n{}{}{}{}{}"
      "{}</svg>\n",
      width, tall, escaped(label), cells_, land, graticule(), tracks_, marks_, legend_);
}

}  // namespace axs::report
