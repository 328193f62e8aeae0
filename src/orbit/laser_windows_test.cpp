#include "axs/orbit/laser_windows.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

using namespace axs;
using namespace axs::orbit;

namespace {

/// Beams across its planes are too long near the equator.
Sky polar_star() {
  const Shell shell{.planes = 4,
                    .slots = 12,
                    .inclination_deg = 86.4,
                    .mean_motion = mean_motion_at(780),
                    .spread = Spread::star};
  return *Sky::of_shell(shell, {.lasers = {.max_range_km = 4500}});
}

std::vector<LaserWindow> windows_of(const Sky& sky, const LaserScan::Span& span) {
  LaserScan scan{sky, span};
  while (scan.advance()) {
  }
  CHECK(scan.progress() == 1);
  return scan.windows();
}

bool reaches(const Sky& sky, std::uint32_t laser, catalog::UtcTime at) {
  const auto [a, b] = sky.lasers()[laser];
  return laser_reaches(sky.position_km(a, at), sky.position_km(b, at), sky.options().lasers);
}

const LaserScan::Span hours{.start = {}, .length = seconds(7200), .step = seconds(12)};

}  // namespace

TEST_CASE("laser windows: open inside, closed outside, exact to a millisecond") {
  const Sky sky = polar_star();
  const auto windows = windows_of(sky, hours);
  const auto end = hours.start + hours.length;
  std::size_t edges = 0;
  for (const LaserWindow& window : windows) {
    CHECK(window.opens < window.closes);
    CHECK(reaches(sky, window.laser, window.opens));
    CHECK(reaches(sky, window.laser, {window.opens.ns + (window.closes - window.opens).ns / 2}));
    CHECK(window.before == (window.opens == hours.start));
    CHECK(window.after == (window.closes == end));
    CHECK(window.shortest_km <= window.longest_km);
    CHECK(window.longest_km <= 4500);
    if (!window.before) {
      ++edges;
      CHECK(!reaches(sky, window.laser, {window.opens.ns - milliseconds(1).ns}));
    }
    if (!window.after) CHECK(!reaches(sky, window.laser, window.closes + milliseconds(1)));
  }
  CHECK(edges > 0);
}

TEST_CASE("laser windows: what a plain look at every second sees") {
  const Sky sky = polar_star();
  const auto windows = windows_of(sky, hours);
  for (std::uint32_t laser = 0; laser < sky.lasers().size(); laser += 7)
    for (Duration at; at < hours.length; at += seconds(1)) {
      const auto now = hours.start + at;
      const bool open = std::any_of(windows.begin(), windows.end(), [&](const LaserWindow& w) {
        return w.laser == laser && w.opens <= now && now <= w.closes;
      });
      CHECK(open == reaches(sky, laser, now));
    }
}

TEST_CASE("laser windows: neighbours in a full plane never part; an empty span is one look") {
  const Sky sky = polar_star();
  std::map<std::uint32_t, int> of_laser;
  for (const LaserWindow& window : windows_of(sky, hours)) {
    const auto [a, b] = sky.lasers()[window.laser];
    if (a / 12 == b / 12) {
      CHECK(window.before);
      CHECK(window.after);
      ++of_laser[window.laser];
    }
  }
  CHECK(of_laser.size() == 48);
  for (const LaserWindow& window : windows_of(sky, {.start = {}, .length = {}}))
    CHECK(window.opens == window.closes);
}
