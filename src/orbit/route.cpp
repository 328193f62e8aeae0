#include "axs/orbit/route.h"

#include <array>
#include <string>
#include <utility>

namespace axs::orbit {

namespace {

using catalog::UtcTime;

using Ends = std::array<GroundPoint, 2>;

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
    return SkyGraph{sky_, std::move(at_begin), at_end_};
  }

 private:
  const Sky& sky_;
  std::optional<UtcTime> end_;
  std::vector<Vec3> at_end_;
};

/// Chooses a pair's path at a mark. A path that stays is no new one.
void choose(RouteHistory& history, const SkyGraph& graph, const Ends& ends) {
  std::optional<SkyPath> path = graph.shortest(ends[0], ends[1]);
  std::vector<std::uint32_t> satellites;
  if (path) satellites = std::move(path->satellites);
  if (history.paths.empty() || history.paths.back() != satellites)
    history.paths.push_back(std::move(satellites));
}

void sample(RouteHistory& history, const Sky& sky, const Ends& ends, UtcTime now, Duration at) {
  const std::vector<std::uint32_t>& path = history.paths.back();
  const bool up = !path.empty();
  history.samples.push_back({at, up ? sky.delay_over(path, ends[0], ends[1], now) : Duration{}, up,
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
                                                   const RouteClock& clock) {
  AXS_TRY(check(clock));
  std::vector<Ends> ends;
  for (const auto& [from, to] : pairs) ends.push_back({ground_point(from), ground_point(to)});
  std::vector<RouteHistory> histories(pairs.size());
  Marks marks{sky};
  for (Duration at; at < clock.length; at += clock.step) {
    const UtcTime now = clock.start + scaled(at, clock.speed);
    if (const auto graph = marks.pass(now))
      for (std::size_t i = 0; i < pairs.size(); ++i) choose(histories[i], *graph, ends[i]);
    for (std::size_t i = 0; i < pairs.size(); ++i) sample(histories[i], sky, ends[i], now, at);
  }
  return histories;
}

}  // namespace axs::orbit
