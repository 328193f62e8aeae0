#include "axs/orbit/laser_windows.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "axs/core/assert.h"
#include "axs/orbit/bisection.h"

namespace axs::orbit {

namespace {

using catalog::UtcTime;

bool is_open(const LaserWindow& window) {
  return window.longest_km > 0;
}

}  // namespace

LaserScan::LaserScan(const Sky& sky, const Span& span)
    : sky_{sky}, span_{span}, last_{span.start}, now_{span.start}, open_(sky.lasers().size()) {
  AXS_ASSERT(span.length >= Duration{} && span.step > Duration{});
}

bool LaserScan::advance() {
  if (begun_ && now_ >= end()) return false;
  last_ = now_;
  if (begun_) now_ = std::min(now_ + span_.step, end());
  const std::vector<Vec3> at = sky_.positions_km(now_);
  for (std::uint32_t laser = 0; laser < open_.size(); ++laser) {
    const auto [a, b] = sky_.lasers()[laser];
    const bool reached = laser_reaches(at[a], at[b], sky_.options().lasers);
    look(laser, reached ? norm(at[b] - at[a]) : 0);
  }
  begun_ = true;
  if (now_ < end()) return true;
  for (std::uint32_t laser = 0; laser < open_.size(); ++laser)
    if (is_open(open_[laser])) close(laser, end());
  return false;
}

/// `km`: how long the beam is now, 0 if it does not reach.
void LaserScan::look(std::uint32_t laser, double km) {
  LaserWindow& window = open_[laser];
  if (km == 0) {
    if (is_open(window)) close(laser, crossing(laser, now_, last_));
    return;
  }
  if (!is_open(window)) {
    const UtcTime opens = begun_ ? crossing(laser, last_, now_) : now_;
    window = {laser, opens, {}, km, km, !begun_, false};
  }
  window.shortest_km = std::min(window.shortest_km, km);
  window.longest_km = std::max(window.longest_km, km);
}

void LaserScan::close(std::uint32_t laser, UtcTime at) {
  LaserWindow& window = open_[laser];
  window.closes = at;
  window.after = at == end();
  found_.push_back(std::exchange(window, {}));
}

UtcTime LaserScan::crossing(std::uint32_t laser, UtcTime out, UtcTime in) const {
  return orbit::crossing(out, in, [&](UtcTime at) { return reaches(laser, at); });
}

bool LaserScan::reaches(std::uint32_t laser, UtcTime at) const {
  const auto [a, b] = sky_.lasers()[laser];
  return laser_reaches(sky_.position_km(a, at), sky_.position_km(b, at), sky_.options().lasers);
}

double LaserScan::progress() const {
  if (span_.length <= Duration{}) return 1;
  return static_cast<double>((now_ - span_.start).ns) / static_cast<double>(span_.length.ns);
}

std::vector<LaserWindow> LaserScan::windows() const {
  std::vector<LaserWindow> all = found_;
  std::sort(all.begin(), all.end(), [](const LaserWindow& a, const LaserWindow& b) {
    return std::tie(a.laser, a.opens) < std::tie(b.laser, b.opens);
  });
  return all;
}

}  // namespace axs::orbit
