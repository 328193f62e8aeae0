#include "axs/orbit/sky.h"

#include <algorithm>
#include <queue>
#include <string>
#include <utility>

#include "axs/core/dmath.h"

namespace axs::orbit {

namespace {

constexpr double unreachable = std::numeric_limits<double>::infinity();

Result<> check(const SkyOptions& options) {
  if (!(options.min_elevation_deg >= 0 && options.min_elevation_deg < 90))
    return Error{Errc::invalid, "sky with a minimum elevation of " +
                                    std::to_string(options.min_elevation_deg) +
                                    " degrees, want it in [0, 90)"};
  if (options.reconfiguration <= Duration{})
    return Error{Errc::invalid, "sky with a reconfiguration interval of " +
                                    std::to_string(options.reconfiguration.ns) +
                                    " ns, want it above 0"};
  return Ok{};
}

Result<std::vector<Sgp4>> prepare_all(std::span<const MeanElements> elements) {
  std::vector<Sgp4> satellites;
  satellites.reserve(elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i) {
    Result<Sgp4> satellite = prepare(elements[i]);
    if (!satellite)
      return Error{satellite.error().code,
                   "satellite " + std::to_string(i) + ": " + satellite.error().what};
    satellites.push_back(*std::move(satellite));
  }
  return satellites;
}

Vec3 place(const Sgp4& satellite, catalog::UtcTime at, const EarthRotation& rotation) {
  const TemeState state = propagate(satellite, at);
  return state.state == OrbitState::fine ? rotation.to_ecef(state.position_km) : Vec3{};
}

/// What Dijkstra's algorithm knows while it runs; lengths in kilometres from the first station.
struct Search {
  static constexpr std::uint32_t none = 0xffffffff;
  using Entry = std::pair<double, std::uint32_t>;

  explicit Search(std::size_t satellites)
      : length(satellites, unreachable), previous(satellites, none) {}

  void offer(std::uint32_t satellite, double km, std::uint32_t from) {
    const bool shorter = km < length[satellite];
    if (!shorter && !(km == length[satellite] && from < previous[satellite])) return;
    previous[satellite] = from;
    if (!shorter) return;
    length[satellite] = km;
    queue.emplace(km, satellite);
  }

  /// The satellites from the first to `last`.
  std::vector<std::uint32_t> path_to(std::uint32_t last) const {
    std::vector<std::uint32_t> path;
    for (std::uint32_t at = last; at != none; at = previous[at]) path.push_back(at);
    std::reverse(path.begin(), path.end());
    return path;
  }

  std::vector<double> length;
  std::vector<std::uint32_t> previous;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
};

}  // namespace

Result<Sky> Sky::of_shell(const Shell& shell, const SkyOptions& options) {
  AXS_TRY(check(options));
  const std::vector<MeanElements> elements = AXS_TRY(shell_elements(shell));
  return Sky{AXS_TRY(prepare_all(elements)), grid_lasers(shell), options};
}

Result<Sky> Sky::of_elements(std::span<const MeanElements> elements, catalog::UtcTime at,
                             const SkyOptions& options) {
  AXS_TRY(check(options));
  std::vector<Sgp4> satellites = AXS_TRY(prepare_all(elements));
  std::vector<Laser> lasers = matched_lasers(satellites, at, options.lasers);
  return Sky{std::move(satellites), std::move(lasers), options};
}

Sky::Sky(std::vector<Sgp4> satellites, std::vector<Laser> lasers, const SkyOptions& options)
    : options_{options},
      min_sin_elevation_{dmath::sin(options.min_elevation_deg * dmath::pi / 180)},
      satellites_{std::move(satellites)},
      lasers_{std::move(lasers)},
      first_laser_(satellites_.size() + 1),
      laser_of_(2 * lasers_.size()) {
  for (const auto& [a, b] : lasers_) ++first_laser_[a + 1], ++first_laser_[b + 1];
  for (std::size_t i = 0; i < satellites_.size(); ++i) first_laser_[i + 1] += first_laser_[i];
  std::vector<std::uint32_t> next{first_laser_.begin(), first_laser_.end() - 1};
  for (std::uint32_t i = 0; i < lasers_.size(); ++i) {
    laser_of_[next[lasers_[i].a]++] = i;
    laser_of_[next[lasers_[i].b]++] = i;
  }
}

std::span<const std::uint32_t> Sky::lasers_at(std::uint32_t satellite) const {
  return {laser_of_.data() + first_laser_[satellite],
          laser_of_.data() + first_laser_[satellite + 1]};
}

std::vector<Vec3> Sky::positions_km(catalog::UtcTime at) const {
  const EarthRotation rotation{at};
  std::vector<Vec3> positions;
  positions.reserve(satellites_.size());
  for (const Sgp4& satellite : satellites_) positions.push_back(place(satellite, at, rotation));
  return positions;
}

bool Sky::sees(const GroundPoint& station, Vec3 satellite_km) const {
  const Look seen = look(station, satellite_km);
  return seen.sin_elevation >= min_sin_elevation_ && seen.range_km <= options_.max_ground_range_km;
}

Duration Sky::delay_over(std::span<const std::uint32_t> satellites, const GroundPoint& from,
                         const GroundPoint& to, catalog::UtcTime at) const {
  const EarthRotation rotation{at};
  Vec3 here = from.position_km;
  double km = 0;
  for (const std::uint32_t satellite : satellites) {
    const Vec3 next = place(satellites_[satellite], at, rotation);
    km += norm(next - here);
    here = next;
  }
  return light_time(km + norm(to.position_km - here));
}

SkyGraph::SkyGraph(const Sky& sky, catalog::UtcTime at) : SkyGraph{sky, sky.positions_km(at), {}} {}

SkyGraph::SkyGraph(const Sky& sky, std::vector<Vec3> at_begin, std::vector<Vec3> at_end)
    : sky_{sky}, positions_{std::move(at_begin)}, end_{std::move(at_end)} {
  if (end_.empty()) end_ = positions_;
  const LaserLimits& limits = sky_.options().lasers;
  laser_km_.reserve(sky_.lasers().size());
  for (const auto& [a, b] : sky_.lasers()) {
    const bool reaches = laser_reaches(positions_[a], positions_[b], limits) &&
                         laser_reaches(end_[a], end_[b], limits);
    laser_km_.push_back(reaches ? norm(positions_[a] - positions_[b]) : unreachable);
  }
}

bool SkyGraph::usable(const GroundPoint& station, std::uint32_t satellite) const {
  return sky_.sees(station, positions_[satellite]) && sky_.sees(station, end_[satellite]);
}

std::optional<SkyPath> SkyGraph::shortest(const GroundPoint& from, const GroundPoint& to) const {
  Search search{sky_.size()};
  std::vector<double> down_km(sky_.size(), unreachable);
  for (std::uint32_t i = 0; i < sky_.size(); ++i) {
    if (usable(to, i)) down_km[i] = norm(positions_[i] - to.position_km);
    if (usable(from, i)) search.offer(i, norm(positions_[i] - from.position_km), Search::none);
  }
  std::pair<double, std::uint32_t> best{unreachable, Search::none};
  while (!search.queue.empty() && search.queue.top().first < best.first) {
    const auto [km, satellite] = search.queue.top();
    search.queue.pop();
    if (km > search.length[satellite]) continue;
    best = std::min(best, {km + down_km[satellite], satellite});
    for (const std::uint32_t laser : sky_.lasers_at(satellite)) {
      const auto [a, b] = sky_.lasers()[laser];
      if (laser_km_[laser] < unreachable)
        search.offer(satellite == a ? b : a, km + laser_km_[laser], satellite);
    }
  }
  if (best.second == Search::none || best.first == unreachable) return std::nullopt;
  return SkyPath{light_time(best.first), search.path_to(best.second)};
}

}  // namespace axs::orbit
