#include "axs/report/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "axs/report/text.h"

namespace axs::report {
namespace {

constexpr double width = 960, height = 320, left = 64, right = 16, top = 14, bottom = 40;

/// From the least to the greatest value, and how far apart ticks are: 1, 2 or 5 times a power of
/// ten.
struct Axis {
  double low, high, step;
  double share(double value) const { return (value - low) / (high - low); }
};

Axis axis_over(double low, double high, double ticks) {
  if (!(high > low)) high = low + std::max(std::fabs(low) * 0.01, 1e-9);
  const double raw = (high - low) / ticks, power = std::pow(10, std::floor(std::log10(raw)));
  const double mantissa = raw / power;
  const double step = power * (mantissa > 5 ? 10 : mantissa > 2 ? 5 : mantissa > 1 ? 2 : 1);
  return {low, high, step};
}

/// Both ends on ticks.
Axis rounded(Axis axis) {
  return {std::floor(axis.low / axis.step) * axis.step,
          std::ceil(axis.high / axis.step) * axis.step, axis.step};
}

class Plot {
 public:
  Plot(const Axis& x, const Axis& y) : x_{x}, y_{y} {}
  double across(double x) const { return left + x_.share(x) * (width - left - right); }
  double down(double y) const { return height - bottom - y_.share(y) * (height - top - bottom); }

  std::string ticks(const std::string& x_unit, const std::string& y_unit) const {
    std::string svg;
    for (double y = y_.low; y <= y_.high + y_.step / 2; y += y_.step)
      svg += fmt::format(
          "<path class=\"grid\" d=\"M{0:.0f} {1:.1f}H{2:.0f}\"/>"
          "<text class=\"name\" x=\"{3:.0f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.6g}</text>\n",
          left, down(y), width - right, left - 8, down(y) + 4, y);
    for (double x = std::ceil(x_.low / x_.step) * x_.step; x <= x_.high * (1 + 1e-9); x += x_.step)
      svg += fmt::format(
          "<text class=\"name\" x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{:.6g}</text>\n",
          across(x), height - bottom + 18, x);
    return svg + fmt::format(
                     "<text class=\"name\" x=\"{:.0f}\" y=\"{:.0f}\" "
                     "text-anchor=\"end\">{}</text>"
                     "<text class=\"name\" x=\"4\" y=\"{:.0f}\">{}</text>\n",
                     width - right, height - 6, escaped(x_unit), top + 4, escaped(y_unit));
  }

  /// Broken where there is no value.
  std::string line(const std::vector<std::pair<double, double>>& points) const {
    std::string path;
    bool pen_down = false;
    double last_x = 0, last_y = 0;
    for (const auto& [x, y] : points) {
      const bool there = std::isfinite(y);
      // A point that nobody could tell from the last one is left out.
      const bool same = there && pen_down && std::fabs(across(x) - last_x) < 0.3 &&
                        std::fabs(down(y) - last_y) < 0.3;
      if (there && !same) {
        last_x = across(x), last_y = down(y);
        path += fmt::format("{}{:.1f} {:.1f}", pen_down ? 'L' : 'M', last_x, last_y);
      }
      pen_down = there;
    }
    return "<path class=\"line\" d=\"" + path + "\"/>\n";
  }

  std::string floor(double y, const std::string& name) const {
    if (!std::isfinite(y)) return {};
    return fmt::format(
        "<path class=\"floor\" d=\"M{0:.0f} {1:.1f}H{2:.0f}\"/>"
        "<text class=\"name\" x=\"{3:.0f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
        left, down(y), width - right, width - right, down(y) - 5, escaped(name));
  }

 private:
  Axis x_, y_;
};

}  // namespace

std::string LineChart::svg() const {
  double low = std::isfinite(floor) ? floor : INFINITY, high = low == INFINITY ? -INFINITY : low;
  for (const auto& [x, y] : points) {
    if (!std::isfinite(y)) continue;
    low = std::min(low, y);
    high = std::max(high, y);
  }
  if (!(low <= high)) low = 0, high = 1;
  const double first = points.empty() ? 0 : points.front().first;
  const double last = points.empty() ? 1 : points.back().first;
  const Plot plot{axis_over(first, last, 10), rounded(axis_over(low, high, 6))};
  return fmt::format(
             "<svg class=\"world\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" "
             "aria-label=\"{}\">\n",
             width, height, escaped(label)) +
         plot.ticks(x_unit, y_unit) + plot.floor(floor, floor_name) + plot.line(points) +
         "</svg>\n";
}

}  // namespace axs::report
