#include "axs/orbit/contacts.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "axs/core/assert.h"
#include "axs/core/dmath.h"
#include "axs/orbit/bisection.h"

namespace axs::orbit {

namespace {

using catalog::UtcTime;

constexpr double degree = dmath::pi / 180;
constexpr Duration exact = milliseconds(1);

UtcTime between(UtcTime a, UtcTime b, double share) {
  return {a.ns + static_cast<std::int64_t>(static_cast<double>(b.ns - a.ns) * share)};
}

constexpr double square(double x) {
  return x * x;
}

/// Indices in order of station, that moment, and index.
std::vector<std::size_t> order_by(std::span<const Contact> contacts, UtcTime Contact::* moment) {
  std::vector<std::size_t> order(contacts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(contacts[a].station, contacts[a].*moment, a) <
           std::tie(contacts[b].station, contacts[b].*moment, b);
  });
  return order;
}

}  // namespace

ContactScan::ContactScan(const Sgp4Batch& satellites, std::vector<GroundStation> stations,
                         const Span& span)
    : satellites_{satellites},
      stations_{std::move(stations)},
      span_{span},
      earlier_{span.start},
      last_{span.start},
      now_{span.start},
      slack_{0.2 * square(span.step.seconds() / 30)},
      tracks_(stations_.size() * satellites.satellites().size()) {
  AXS_ASSERT(span.length >= Duration{} && span.step > Duration{});
  for (const GroundStation& station : stations_)
    min_sin_elevation_.push_back(dmath::sin(station.min_elevation_deg * degree));
}

bool ContactScan::advance() {
  if (begun_ && now_ >= end()) return false;
  earlier_ = last_;
  last_ = now_;
  if (begun_) now_ = std::min(now_ + span_.step, end());
  begun_ = true;
  satellites_.propagate(now_, states_);
  const EarthRotation rotation{now_};
  for (std::uint32_t satellite = 0; satellite < states_.size(); ++satellite) {
    const Vec3 ecef = rotation.place_of(states_[satellite]);
    for (std::uint32_t station = 0; station < stations_.size(); ++station)
      look({station, satellite}, margin(station, ecef));
  }
  if (now_ < end()) return true;
  // Whatever is still in sight sets for us at the end of the span; a last short pass may lie
  // before.
  earlier_ = last_;
  last_ = now_;
  constexpr double nowhere = -std::numeric_limits<double>::infinity();
  for (std::uint32_t satellite = 0; satellite < states_.size(); ++satellite)
    for (std::uint32_t station = 0; station < stations_.size(); ++station)
      look({station, satellite}, nowhere);
  return false;
}

double ContactScan::progress() const {
  if (span_.length <= Duration{}) return 1;
  return static_cast<double>((now_ - span_.start).ns) / static_cast<double>(span_.length.ns);
}

std::vector<Contact> ContactScan::contacts() const {
  std::vector<Contact> all = found_;
  std::sort(all.begin(), all.end(), [](const Contact& a, const Contact& b) {
    return std::tie(a.station, a.rise, a.satellite) < std::tie(b.station, b.rise, b.satellite);
  });
  return all;
}

double ContactScan::margin(std::uint32_t station, Vec3 satellite_ecef_km) const {
  const GroundStation& horizon = stations_[station];
  const Look seen = orbit::look(horizon.at, satellite_ecef_km);
  return std::min(seen.sin_elevation - min_sin_elevation_[station],
                  1 - seen.range_km / horizon.max_range_km);
}

Vec3 ContactScan::place(std::uint32_t satellite, UtcTime at) const {
  return EarthRotation{at}.place_of(propagate(satellites_.satellites()[satellite], at));
}

double ContactScan::sin_elevation(Pair pair, UtcTime at) const {
  return orbit::look(stations_[pair.station].at, place(pair.satellite, at)).sin_elevation;
}

bool ContactScan::in_sight(Pair pair, UtcTime at) const {
  return margin(pair.station, place(pair.satellite, at)) >= 0;
}

void ContactScan::look(Pair pair, double margin) {
  Track& track = tracks_[pair.station * satellites_.satellites().size() + pair.satellite];
  const bool was = track.now >= 0, is = margin >= 0;
  if (!was && is) track.rise = last_ == now_ ? now_ : crossing(pair, last_, now_);
  if (is && (!was || margin > track.greatest)) track.greatest = margin, track.greatest_at = now_;
  if (was && !is)
    note(pair, track.rise, last_ == now_ ? now_ : crossing(pair, now_, last_), track.greatest_at);
  if (!was && !is && track.now > track.before && track.now >= margin && track.now > -slack_)
    look_between(pair);
  track.before = track.now;
  track.now = margin;
}

/// The satellite was highest one step ago, and out of sight then as before and after.
void ContactScan::look_between(Pair pair) {
  const UtcTime top = culmination(pair, earlier_, now_);
  if (!in_sight(pair, top)) return;
  const auto edge = [&](UtcTime out) {
    return in_sight(pair, out) ? out : crossing(pair, out, top);
  };
  note(pair, edge(earlier_), edge(now_), top);
}

/// The culmination lies within a step of `near`.
void ContactScan::note(Pair pair, UtcTime rise, UtcTime set, UtcTime near) {
  const UtcTime from{near.ns - span_.step.ns}, to = near + span_.step;
  const UtcTime highest = culmination(pair, std::max(rise, from), std::min(set, to));
  found_.push_back({.station = pair.station,
                    .satellite = pair.satellite,
                    .rise = rise,
                    .set = set,
                    .highest = highest,
                    .max_elevation_deg = dmath::asin(sin_elevation(pair, highest)) / degree,
                    .before = rise == span_.start,
                    .after = set == end()});
}

UtcTime ContactScan::crossing(Pair pair, UtcTime out, UtcTime in) const {
  return orbit::crossing(out, in, [&](UtcTime at) { return in_sight(pair, at); });
}

/// By the golden section: of four points, the outer one beside the lower inner one is dropped.
UtcTime ContactScan::culmination(Pair pair, UtcTime from, UtcTime to) const {
  constexpr double golden = 0.6180339887498949;
  UtcTime left = between(to, from, golden), right = between(from, to, golden);
  double at_left = sin_elevation(pair, left), at_right = sin_elevation(pair, right);
  while (to - from > exact) {
    if (at_left > at_right) {
      to = right, right = left, at_right = at_left;
      left = between(to, from, golden), at_left = sin_elevation(pair, left);
    } else {
      from = left, left = right, at_left = at_right;
      right = between(from, to, golden), at_right = sin_elevation(pair, right);
    }
  }
  return between(from, to, 0.5);
}

std::vector<std::optional<std::size_t>> handovers(std::span<const Contact> contacts) {
  const std::vector<std::size_t> by_rise = order_by(contacts, &Contact::rise);
  const std::vector<std::size_t> by_set = order_by(contacts, &Contact::set);
  std::vector<std::optional<std::size_t>> next(contacts.size());
  std::size_t risen = 0;
  std::optional<std::size_t> longest;
  for (const std::size_t ends : by_set) {
    const Contact& contact = contacts[ends];
    if (longest && contacts[*longest].station != contact.station) longest.reset();
    for (; risen < by_rise.size(); ++risen) {
      const Contact& other = contacts[by_rise[risen]];
      if (std::tie(other.station, other.rise) > std::tie(contact.station, contact.set)) break;
      if (other.station != contact.station) continue;
      if (!longest || other.set > contacts[*longest].set) longest = by_rise[risen];
    }
    if (longest && contacts[*longest].set > contact.set && !contact.after) next[ends] = longest;
  }
  return next;
}

}  // namespace axs::orbit
