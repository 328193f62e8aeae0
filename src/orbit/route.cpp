#include "axs/orbit/route.h"

#include <algorithm>
#include <string>
#include <utility>

#include "axs/orbit/route_table.h"

namespace axs::orbit {

namespace {

using catalog::UtcTime;

/// A pair's stations, by their number in the table.
struct Ends {
  std::size_t from;
  std::size_t to;
};

/// The number of an end among others, to which it is added if it is new.
std::size_t number_of(const GroundEnd& end, std::vector<GroundEnd>& all) {
  const auto known = std::find(all.begin(), all.end(), end);
  const auto number = static_cast<std::size_t>(known - all.begin());
  if (known == all.end()) all.push_back(end);
  return number;
}

/// The last mark at or before `at`.
UtcTime mark_before(UtcTime at, const SkyOptions& options) {
  const std::int64_t interval = options.reconfiguration.ns;
  const std::int64_t into = (at.ns - options.first_mark.ns) % interval;
  return {at.ns - (into < 0 ? into + interval : into)};
}

/// The intervals between marks, one after the other. The satellites' positions at the end of one
/// are kept for the beginning of the next.
class Marks {
 public:
  explicit Marks(const Sky& sky) : sky_{sky} {}

  /// The links of the interval that holds `now`, if it is another one than at the last call.
  std::optional<SkyGraph> pass(UtcTime now) {
    const UtcTime begin = mark_before(now, sky_.options());
    const UtcTime end = begin + sky_.options().reconfiguration;
    if (end == end_) return std::nullopt;
    std::vector<Vec3> at_begin = begin == end_ ? std::move(at_end_) : sky_.positions_km(begin);
    at_end_ = sky_.positions_km(end);
    end_ = end;
    return SkyGraph{sky_, {std::move(at_begin), at_end_, sky_.aimed_km(begin)}};
  }

 private:
  const Sky& sky_;
  std::optional<UtcTime> end_;
  std::vector<Vec3> at_end_;
};

/// Chooses a pair's path at a mark. A path that stays is no new one.
void choose(RouteHistory& history, RouteTable& table, Ends ends) {
  std::optional<SkyPath> path = table.path(ends.from, ends.to);
  std::vector<std::uint32_t> satellites;
  if (path) satellites = std::move(path->satellites);
  if (history.paths.empty() || history.paths.back() != satellites)
    history.paths.push_back(std::move(satellites));
}

void sample(RouteHistory& history, Duration at, Duration delay) {
  history.samples.push_back({at, delay, !history.paths.back().empty(),
                             static_cast<std::uint32_t>(history.paths.size() - 1)});
}

Result<> check(const RouteClock& clock) {
  if (!(clock.speed > 0 && clock.speed <= 1e6))
    return Error{Errc::invalid, "sky clock with speed " + std::to_string(clock.speed) +
                                    ", want it above 0 and at most 1000000"};
  if (clock.step <= Duration{} || clock.length < Duration{})
    return Error{Errc::invalid, "sky clock with step " + std::to_string(clock.step.ns) +
                                    " ns and length " + std::to_string(clock.length.ns) +
                                    " ns, want a step above 0 and a length of at least 0"};
  return Ok{};
}

}  // namespace

Result<std::vector<RouteHistory>> routes_over_time(const Sky& sky,
                                                   std::span<const GroundPair> pairs,
                                                   const RouteClock& clock,
                                                   const std::function<void(double)>& progress) {
  AXS_TRY(check(clock));
  std::vector<GroundEnd> places;
  std::vector<Ends> ends;
  for (const auto& [from, to] : pairs)
    ends.push_back({number_of(from, places), number_of(to, places)});
  std::vector<GroundStation> stations;
  for (const auto& [at, kind] : places) stations.push_back(sky.station(at, kind));
  RouteTable table{stations};
  std::vector<RouteHistory> histories(pairs.size());
  Marks marks{sky};
  for (Duration at; at < clock.length; at += clock.step) {
    const UtcTime now = clock.start + scaled(at, clock.speed);
    std::optional<SkyGraph> links = marks.pass(now);
    const bool at_mark = links.has_value();
    if (at_mark) table.update(*std::move(links));
    if (at_mark && progress) progress(at.seconds() / clock.length.seconds());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (at_mark) choose(histories[i], table, ends[i]);
      const std::vector<std::uint32_t>& path = histories[i].paths.back();
      const GroundPoint &from = stations[ends[i].from].at, &to = stations[ends[i].to].at;
      sample(histories[i], at, path.empty() ? Duration{} : sky.delay_over(path, from, to, now));
    }
  }
  return histories;
}

}  // namespace axs::orbit
