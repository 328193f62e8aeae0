#include "axs/orbit/sky.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <queue>
#include <string>
#include <utility>

#include "axs/core/assert.h"
#include "axs/orbit/sky_kernels.h"

namespace axs::orbit {

namespace {

constexpr double unreachable = std::numeric_limits<double>::infinity();

Result<> check(const SkyOptions& options) {
  for (const double degrees : {options.min_elevation_deg, options.gateway_min_elevation_deg})
    if (!(degrees >= 0 && degrees < 90))
      return Error{Errc::invalid, "sky with a minimum elevation of " + std::to_string(degrees) +
                                      " degrees, want it in [0, 90)"};
  if (options.lasers.acquisition < Duration{} || options.lasers.acquisition > sky_interval_max)
    return Error{Errc::invalid, "sky whose lasers take " +
                                    std::to_string(options.lasers.acquisition.ns) +
                                    " ns to be acquired, want 0 to 60 s"};
  if (options.reconfiguration <= Duration{} || options.reconfiguration > sky_interval_max)
    return Error{Errc::invalid, "sky with a reconfiguration interval of " +
                                    std::to_string(options.reconfiguration.ns) +
                                    " ns, want it above 0 and at most 60 s"};
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

/// Up to a block of beams; the others have no length.
BeamBlock beams_of(std::span<const Laser> lasers, const std::vector<Vec3>& at) {
  BeamBlock block{};
  for (std::size_t lane = 0; lane < lasers.size(); ++lane) {
    const Vec3 &a = at[lasers[lane].a], &b = at[lasers[lane].b];
    block.ax[lane] = a.x, block.ay[lane] = a.y, block.az[lane] = a.z;
    block.bx[lane] = b.x, block.by[lane] = b.y, block.bz[lane] = b.z;
  }
  return block;
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

GroundStation station(const SkyOptions& options, catalog::GeoPoint at, StationKind kind) {
  const bool gateway = kind == StationKind::gateway;
  return {
      .at = ground_point(at),
      .min_elevation_deg = gateway ? options.gateway_min_elevation_deg : options.min_elevation_deg,
      .max_range_km = options.max_ground_range_km};
}

Result<Sky> Sky::of_shells(std::span<const Shell> shells, const SkyOptions& options) {
  AXS_TRY(check(options));
  std::vector<MeanElements> elements;
  std::vector<Laser> lasers;
  for (const Shell& shell : shells) {
    const std::vector<MeanElements> of_shell = AXS_TRY(shell_elements(shell));
    const auto first = static_cast<std::uint32_t>(elements.size());
    for (const auto& [a, b] : grid_lasers(shell)) lasers.push_back({first + a, first + b});
    elements.insert(elements.end(), of_shell.begin(), of_shell.end());
  }
  return Sky{AXS_TRY(prepare_all(elements)), std::move(lasers), options};
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
      satellites_{std::move(satellites)},
      lasers_{std::move(lasers)},
      far_terminals_(terminals_per_satellite * satellites_.satellites().size()) {
  std::iota(far_terminals_.begin(), far_terminals_.end(), 0u);
  std::vector<std::uint32_t> used(size());
  const auto take = [&used](std::uint32_t satellite) {
    AXS_ASSERT(used[satellite] < terminals_per_satellite);
    return terminals_per_satellite * satellite + used[satellite]++;
  };
  for (const auto& [a, b] : lasers_) {
    const std::uint32_t near = take(a), far = take(b);
    far_terminals_[near] = far;
    far_terminals_[far] = near;
    laser_terminals_.push_back(near);
  }
}

std::vector<Vec3> Sky::positions_km(catalog::UtcTime at) const {
  const EarthRotation rotation{at};
  TemeStates states;
  satellites_.propagate(at, states);
  std::vector<Vec3> positions;
  positions.reserve(states.size());
  for (std::size_t i = 0; i < states.size(); ++i) positions.push_back(rotation.place_of(states[i]));
  return positions;
}

Vec3 Sky::position_km(std::uint32_t satellite, catalog::UtcTime at) const {
  return EarthRotation{at}.place_of(propagate(satellites_.satellites()[satellite], at));
}

std::vector<Vec3> Sky::aimed_km(catalog::UtcTime at) const {
  const Duration acquisition = options_.lasers.acquisition;
  if (acquisition == Duration{}) return {};
  return positions_km({at.ns - acquisition.ns});
}

Duration Sky::delay_over(std::span<const std::uint32_t> satellites, const GroundPoint& from,
                         const GroundPoint& to, catalog::UtcTime at) const {
  const EarthRotation rotation{at};
  Vec3 here = from.position_km;
  double km = 0;
  for (const std::uint32_t satellite : satellites) {
    const Vec3 next = rotation.place_of(propagate(satellites_.satellites()[satellite], at));
    km += norm(next - here);
    here = next;
  }
  return light_time(km + norm(to.position_km - here));
}

SkyGraph::SkyGraph(const Sky& sky, catalog::UtcTime at)
    : SkyGraph{sky, {.begin = sky.positions_km(at), .end = {}, .aimed = sky.aimed_km(at)}} {}

SkyGraph::SkyGraph(const Sky& sky, SkyMoments moments, SimdLevel level)
    : sky_{&sky},
      kernels_{&sky_kernels(level)},
      terminal_km_(sky.far_terminals().size(), unreachable) {
  const auto fits = [&](const std::vector<Vec3>& at) { return at.size() == sky.size(); };
  AXS_ASSERT(fits(moments.begin) && (moments.end.empty() || fits(moments.end)) &&
             (moments.aimed.empty() || fits(moments.aimed)));
  find_beams(moments);
  positions_ = std::move(moments.begin);
  end_ = std::move(moments.end);
  const std::size_t whole = (positions_.size() + link_lanes - 1) / link_lanes * link_lanes;
  for (std::vector<double>* field : {&x_, &y_, &z_}) field->resize(whole);
  double lowest2 = unreachable;
  for (std::size_t i = 0; i < positions_.size(); ++i) {
    const Vec3 at = positions_[i];
    x_[i] = at.x, y_[i] = at.y, z_[i] = at.z;
    const double radius2 = dot(at, at);
    if (radius2 > 0) lowest2 = std::min(lowest2, radius2);
  }
  lowest_radius_km_ = std::sqrt(lowest2);
}

void SkyGraph::find_beams(const SkyMoments& moments) {
  const BeamLimits limits = beam_limits(sky_->options().lasers);
  const std::vector<Laser>& lasers = sky_->lasers();
  for (std::size_t first = 0; first < lasers.size(); first += link_lanes) {
    const std::span some{lasers.data() + first, std::min(link_lanes, lasers.size() - first)};
    double km[link_lanes], other_km[link_lanes];
    unsigned reaches = kernels_->beams(beams_of(some, moments.begin), limits, km);
    for (const std::vector<Vec3>* other : {&moments.end, &moments.aimed})
      if (!other->empty()) reaches &= kernels_->beams(beams_of(some, *other), limits, other_km);
    for (; reaches != 0; reaches &= reaches - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(reaches));
      if (lane >= some.size()) break;
      const std::uint32_t terminal = sky_->terminal_of(first + lane);
      terminal_km_[terminal] = terminal_km_[sky_->far_terminals()[terminal]] = km[lane];
    }
  }
}

UpLinks SkyGraph::up_links(std::span<const GroundStation> stations) const {
  std::vector<Height> heights;
  for (const GroundStation& station : stations) {
    const Vec3 up = station.at.up;
    heights.push_back({up.x, up.y, up.z, Sight{station}.lowest_km(lowest_radius_km_)});
  }
  const std::size_t blocks = x_.size() / link_lanes;
  std::vector<std::uint16_t> above(blocks * stations.size());
  kernels_->heights({.x = x_.data(),
                     .y = y_.data(),
                     .z = z_.data(),
                     .blocks = blocks,
                     .stations = heights.data(),
                     .count = heights.size(),
                     .above = above.data()});
  UpLinks links;
  links.first.push_back(0);
  for (std::size_t i = 0; i < stations.size(); ++i) {
    const Sight sight{stations[i]};
    for (std::size_t block = 0; block < blocks; ++block)
      add_up_links(sight, block, above[block * stations.size() + i], links);
    links.first.push_back(static_cast<std::uint32_t>(links.satellites.size()));
  }
  return links;
}

/// Of some lanes of a block.
void SkyGraph::add_up_links(const Sight& sight, std::size_t block, unsigned lanes,
                            UpLinks& links) const {
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto satellite = static_cast<std::uint32_t>(
        block * link_lanes + static_cast<std::size_t>(std::countr_zero(lanes)));
    if (satellite >= positions_.size() || !usable(sight, satellite)) continue;
    links.satellites.push_back(satellite);
    links.km.push_back(sight.range_km(positions_[satellite]));
  }
}

bool SkyGraph::usable(const Sight& sight, std::uint32_t satellite) const {
  return sight.sees(positions_[satellite]) && (end_.empty() || sight.sees(end_[satellite]));
}

std::optional<SkyPath> SkyGraph::shortest(const GroundStation& from,
                                          const GroundStation& to) const {
  const Sight up{from}, down{to};
  Search search{positions_.size()};
  std::vector<double> down_km(positions_.size(), unreachable);
  for (std::uint32_t i = 0; i < positions_.size(); ++i) {
    if (usable(down, i)) down_km[i] = down.range_km(positions_[i]);
    if (usable(up, i)) search.offer(i, up.range_km(positions_[i]), Search::none);
  }
  std::pair<double, std::uint32_t> best{unreachable, Search::none};
  while (!search.queue.empty() && search.queue.top().first < best.first) {
    const auto [km, satellite] = search.queue.top();
    search.queue.pop();
    if (km > search.length[satellite]) continue;
    best = std::min(best, {km + down_km[satellite], satellite});
    for (std::uint32_t i = 0; i < terminals_per_satellite; ++i) {
      const std::uint32_t terminal = terminals_per_satellite * satellite + i;
      if (terminal_km_[terminal] < unreachable)
        search.offer(sky_->far_terminals()[terminal] / terminals_per_satellite,
                     km + terminal_km_[terminal], satellite);
    }
  }
  if (best.second == Search::none || best.first == unreachable) return std::nullopt;
  return SkyPath{best.first, light_time(best.first), search.path_to(best.second)};
}

}  // namespace axs::orbit
