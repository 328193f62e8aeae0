#include "axs/report/map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>
#include <vector>

#include "axs/report/land.h"
#include "axs/report/text.h"

namespace axs::report {
namespace {

constexpr double width = 480, height = 340;
constexpr double radians = std::numbers::pi / 180;
/// Beyond this angle from the centre, shapes are too torn to be shown.
constexpr double horizon = 150 * radians;

using Vector = std::array<double, 3>;

Vector unit(double latitude_deg, double longitude_deg) {
  const double lat = latitude_deg * radians, lon = longitude_deg * radians;
  return {std::cos(lat) * std::cos(lon), std::cos(lat) * std::sin(lon), std::sin(lat)};
}

double dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

Vector normalised(const Vector& v) {
  const double length = std::sqrt(dot(v, v));
  return {v[0] / length, v[1] / length, v[2] / length};
}

/// A point on the paper, in radians from the centre; x to the right, y down.
struct Point {
  double x{}, y{};
};

class Projection {
 public:
  /// Centred between those places; between opposite ones, at the first.
  explicit Projection(const std::vector<Vector>& places) {
    Vector sum{};
    for (const Vector& place : places)
      for (std::size_t i = 0; i < 3; ++i) sum[i] += place[i];
    centre_ = normalised(dot(sum, sum) > 1e-6 ? sum : places.front());
    const bool at_pole = std::abs(centre_[2]) > 0.999999;
    east_ = at_pole ? Vector{0, 1, 0} : normalised({-centre_[1], centre_[0], 0});
    north_ = {centre_[1] * east_[2] - centre_[2] * east_[1],
              centre_[2] * east_[0] - centre_[0] * east_[2],
              centre_[0] * east_[1] - centre_[1] * east_[0]};
  }
  double distance(const Vector& place) const {
    return std::acos(std::clamp(dot(place, centre_), -1.0, 1.0));
  }
  Point project(const Vector& place) const {
    const double angle = distance(place);
    const double sine = std::sin(angle);
    const double stretch = sine < 1e-9 ? 1 : angle / sine;
    return {stretch * dot(place, east_), -stretch * dot(place, north_)};
  }

 private:
  Vector centre_, east_, north_;
};

/// Fits what is to be seen into the picture.
struct View {
  double scale = 1;
  Point middle{};
  Point on_paper(const Point& point) const {
    return {width / 2 + (point.x - middle.x) * scale, height / 2 + (point.y - middle.y) * scale};
  }
};

View fit(const std::vector<Point>& points) {
  Point low = points.front(), high = points.front();
  for (const Point& point : points) {
    low = {std::min(low.x, point.x), std::min(low.y, point.y)};
    high = {std::max(high.x, point.x), std::max(high.y, point.y)};
  }
  // At least three degrees, so that a single site has surroundings.
  const double least = 3 * radians;
  const double wide = std::max(high.x - low.x, least), tall = std::max(high.y - low.y, least);
  return {std::min((width - 110) / wide, (height - 80) / tall),
          {(low.x + high.x) / 2, (low.y + high.y) / 2}};
}

void append_point(std::string& path, const Point& point, bool first) {
  fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", first ? 'M' : 'L', point.x, point.y);
}

/// Great circle from a to b in 48 steps; the ends included.
std::vector<Vector> great_circle(const Vector& a, const Vector& b) {
  constexpr int steps = 48;
  const double angle = std::acos(std::clamp(dot(a, b), -1.0, 1.0));
  std::vector<Vector> points;
  for (int i = 0; i <= steps; ++i) {
    const double t = static_cast<double>(i) / steps;
    const double first = angle < 1e-9 ? 1 - t : std::sin((1 - t) * angle) / std::sin(angle);
    const double second = angle < 1e-9 ? t : std::sin(t * angle) / std::sin(angle);
    points.push_back(
        {first * a[0] + second * b[0], first * a[1] + second * b[1], first * a[2] + second * b[2]});
  }
  return points;
}

class Drawing {
 public:
  Drawing(const Projection& projection, const View& view) : projection_{projection}, view_{view} {}

  std::string land(std::string_view rings) const {
    std::string paths;
    for (const auto& outline : land_outlines(rings)) paths += ring(outline);
    return paths.empty() ? paths : "<path class=\"land\" d=\"" + paths + "\"/>\n";
  }

  /// Meridians and parallels, every 15 degrees.
  std::string grid() const {
    std::string paths;
    for (int lon = -180; lon < 180; lon += 15)
      paths += line(-75, 75, [&](double v) { return unit(v, lon); });
    for (int lat = -75; lat <= 75; lat += 15)
      paths += line(-180, 180, [&](double v) { return unit(lat, v); });
    return "<path class=\"grid\" d=\"" + paths + "\"/>\n";
  }

  /// Links between the same sites bow out differently, so that each is seen.
  std::string arc(const LinkData& link, const std::array<Vector, 2>& ends, double bow) const {
    std::string path;
    const auto points = great_circle(ends[0], ends[1]);
    const Point a = paper(points.front()), b = paper(points.back());
    const double length = std::max(std::hypot(b.x - a.x, b.y - a.y), 1e-9);
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double t = static_cast<double>(i) / static_cast<double>(points.size() - 1);
      Point at = paper(points[i]);
      const double aside = bow * std::sin(std::numbers::pi * t);
      at.x += aside * (b.y - a.y) / length;
      at.y -= aside * (b.x - a.x) / length;
      append_point(path, at, i == 0);
    }
    return fmt::format(
        "<path class=\"arc k-{0}\" data-link=\"{1}\" d=\"{2}\"><title>{1}</title>"
        "</path>\n",
        escaped(link.link.kind), escaped(link.link.link), path);
  }

  std::string site(const SiteData& site, const Vector& place) const {
    const Point at = paper(place);
    const bool left = at.x > width * 0.72;
    return fmt::format(
        "<circle class=\"site\" cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"4.5\"/>"
        "<text class=\"name\" x=\"{2:.1f}\" y=\"{3:.1f}\" text-anchor=\"{4}\">{5}</text>\n",
        at.x, at.y, at.x + (left ? -8 : 8), at.y + (at.y < height / 2 ? -6 : 15),
        left ? "end" : "start", escaped(site.name));
  }

 private:
  Point paper(const Vector& place) const { return view_.on_paper(projection_.project(place)); }

  /// A ring of land, without points that could not be told apart; nothing if it is out of sight.
  std::string ring(const std::vector<catalog::GeoPoint>& outline) const {
    std::string path;
    bool seen = false;
    Point last{-1e9, -1e9};
    for (const catalog::GeoPoint& point : outline) {
      const Vector place = unit(point.latitude_deg, point.longitude_deg);
      if (projection_.distance(place) > horizon) return {};
      const Point at = paper(place);
      seen = seen || (at.x > 0 && at.x < width && at.y > 0 && at.y < height);
      if (std::hypot(at.x - last.x, at.y - last.y) < 0.8) continue;
      append_point(path, at, path.empty());
      last = at;
    }
    return seen ? path + "Z" : std::string{};
  }

  template <class Place>
  std::string line(double from, double to, const Place& place) const {
    std::string path;
    bool first = true;
    for (double v = from; v <= to; v += 3) {
      const Vector at = place(v);
      const Point point = paper(at);
      const bool inside = projection_.distance(at) < horizon && point.x > -60 &&
                          point.x < width + 60 && point.y > -60 && point.y < height + 60;
      if (inside) append_point(path, point, first);
      first = !inside;
    }
    return path;
  }

  const Projection& projection_;
  const View& view_;
};

std::map<std::string, Vector> places_of(const RunData& run) {
  std::map<std::string, Vector> places;
  for (const SiteData& site : run.sites)
    if (!site.place.name.empty())
      places.emplace(site.name, unit(site.place.latitude_deg, site.place.longitude_deg));
  return places;
}

/// 0, then to one side and the other.
double bow_of(std::size_t index) {
  const double step = 13 * static_cast<double>((index + 1) / 2);
  return index % 2 == 0 ? -step : step;
}

}  // namespace

std::string map_svg(const RunData& run, std::string_view land) {
  const auto places = places_of(run);
  if (places.empty()) return {};
  std::vector<Vector> vectors;
  for (const auto& [name, place] : places) vectors.push_back(place);
  const Projection projection{vectors};
  std::vector<Point> points;
  for (const LinkData& link : run.links) {
    const auto a = places.find(link.link.a), b = places.find(link.link.b);
    if (a == places.end() || b == places.end()) continue;
    for (const Vector& on_way : great_circle(a->second, b->second))
      points.push_back(projection.project(on_way));
  }
  for (const Vector& place : vectors) points.push_back(projection.project(place));
  const View view = fit(points);
  const Drawing drawing{projection, view};
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"Map of the sites and the links "
      "between them\">\n",
      width, height);
  svg += drawing.grid() + drawing.land(land);
  std::map<std::pair<std::string, std::string>, std::size_t> parallel;
  for (const LinkData& link : run.links) {
    const auto a = places.find(link.link.a), b = places.find(link.link.b);
    if (a == places.end() || b == places.end()) continue;
    const std::size_t index = parallel[std::minmax(link.link.a, link.link.b)]++;
    svg += drawing.arc(link, {a->second, b->second}, bow_of(index));
  }
  for (const SiteData& site : run.sites)
    if (const auto place = places.find(site.name); place != places.end())
      svg += drawing.site(site, place->second);
  return svg + "</svg>\n";
}

}  // namespace axs::report
