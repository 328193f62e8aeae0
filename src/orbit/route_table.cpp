#include "axs/orbit/route_table.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "axs/core/assert.h"
#include "axs/orbit/sky_kernels.h"

namespace axs::orbit {

namespace {

constexpr double unreachable = std::numeric_limits<double>::infinity();
constexpr std::uint32_t none = 0xffffffff;

/// Room for the arrivals of one solution, per satellite. One from scratch takes 8 over the shells
/// of data/starlink-4408.toml.
constexpr std::size_t arrivals_per_satellite = 24;

}  // namespace

RouteTable::RouteTable(std::vector<GroundStation> stations, SimdLevel level)
    : stations_{std::move(stations)},
      in_use_(stations_.size(), true),
      kernels_{&sky_kernels(level)},
      seats_(stations_.size()) {
  gather_batches();
}

/// The station that is farthest out with those nearest to it, and so on with the rest.
void RouteTable::gather_batches() {
  Vec3 sum;
  for (const GroundStation& station : stations_) sum = sum + station.at.position_km;
  const Vec3 middle = (1.0 / static_cast<double>(stations_.size())) * sum;
  std::vector<std::uint32_t> rest(stations_.size());
  std::iota(rest.begin(), rest.end(), 0u);
  const auto sort_by_distance_from = [&](Vec3 from) {
    std::sort(rest.begin(), rest.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair{norm(stations_[a].at.position_km - from), a} <
             std::pair{norm(stations_[b].at.position_km - from), b};
    });
  };
  while (!rest.empty()) {
    sort_by_distance_from(middle);
    sort_by_distance_from(stations_[rest.back()].at.position_km);
    const auto end = rest.begin() + static_cast<std::ptrdiff_t>(std::min(route_lanes, rest.size()));
    Batch batch;
    batch.stations.assign(rest.begin(), end);
    for (std::uint32_t lane = 0; lane < batch.stations.size(); ++lane)
      seats_[batch.stations[lane]] = {static_cast<std::uint32_t>(batches_.size()), lane};
    batches_.push_back(std::move(batch));
    rest.erase(rest.begin(), end);
  }
}

void RouteTable::update(SkyGraph graph) {
  AXS_ASSERT(!graph_ || &graph_->sky() == &graph.sky());
  graph_.emplace(std::move(graph));
  find_up_links();
  prepare(graph_->sky().size());
  for (Batch& batch : batches_) solve(batch);
  for (Batch& batch : batches_) land(batch);
}

void RouteTable::find_up_links() {
  first_up_link_.assign(1, 0);
  up_satellites_.clear();
  up_km_.clear();
  for (std::size_t i = 0; i < stations_.size(); ++i) {
    if (in_use_[i]) {
      for (const auto& [satellite, km] : graph_->up_links(stations_[i])) {
        up_satellites_.push_back(satellite);
        up_km_.push_back(km);
      }
    }
    first_up_link_.push_back(static_cast<std::uint32_t>(up_satellites_.size()));
  }
}

void RouteTable::prepare(std::size_t satellites) {
  queue_.resize(satellites + 1);
  next_queue_.resize(satellites + 1);
  waiting_.assign(satellites, 0);
  terminals_.resize(arrivals_per_satellite * satellites + terminals_per_satellite);
  lanes_.resize(terminals_.size());
}

void RouteTable::solve(Batch& batch) {
  RouteRow nowhere;
  std::fill_n(nowhere.km, route_lanes, unreachable);
  batch.to_satellites.assign(waiting_.size(), nowhere);
  std::copy(batch.arrivals.begin(), batch.arrivals.end(), terminals_.begin());
  RouteRun run{
      .satellites = waiting_.size(),
      .far_terminals = graph_->sky().far_terminals().data(),
      .terminal_km = graph_->terminal_km().data(),
      .rows = batch.to_satellites.data(),
      .arrivals = {terminals_.data(), lanes_.data(), batch.arrivals.size(), terminals_.size()},
      .queue = {queue_.data(), next_queue_.data(), waiting_.data(), 0}};
  for (std::size_t lane = 0; lane < batch.stations.size(); ++lane) {
    const std::uint32_t station = batch.stations[lane];
    for (std::uint32_t i = first_up_link_[station]; i < first_up_link_[station + 1]; ++i) {
      const std::uint32_t satellite = up_satellites_[i];
      batch.to_satellites[satellite].km[lane] = up_km_[i];
      if (!batch.arrivals.empty() || waiting_[satellite] != 0) continue;
      waiting_[satellite] = 1;
      queue_[run.queue.count++] = satellite;
    }
  }
  kernels_->solve(run);
  // A few arrivals behind the replayed ones are cheaper to find again than to sort in.
  const std::size_t replayed = batch.arrivals.size();
  if (run.arrivals.count - replayed > replayed / 8) keep_last_arrivals(batch, run.arrivals.count);
}

/// Keeps the arrivals by which a way got its final length. They are those after which no other made
/// it shorter, so going backwards the first that are met.
void RouteTable::keep_last_arrivals(Batch& batch, std::size_t count) {
  std::vector<std::uint8_t> final_lanes(waiting_.size());
  std::size_t kept = count;
  for (std::size_t i = count; i-- > 0;) {
    std::uint8_t& final = final_lanes[terminals_[i] / terminals_per_satellite];
    terminals_[kept - 1] = terminals_[i];
    kept -= (lanes_[i] & ~final) != 0;
    final = static_cast<std::uint8_t>(final | lanes_[i]);
  }
  batch.arrivals.assign(terminals_.begin() + static_cast<std::ptrdiff_t>(kept),
                        terminals_.begin() + static_cast<std::ptrdiff_t>(count));
}

void RouteTable::land(Batch& batch) {
  batch.to_stations.resize(stations_.size());
  for (std::size_t station = 0; station < stations_.size(); ++station) {
    const std::uint32_t first = first_up_link_[station];
    kernels_->land({.rows = batch.to_satellites.data(),
                    .satellites = up_satellites_.data() + first,
                    .down_km = up_km_.data() + first,
                    .count = first_up_link_[station + 1] - first,
                    .km = &batch.to_stations[station]});
  }
}

double RouteTable::length_km(std::size_t from, std::size_t to) const {
  const auto& [batch, lane] = seats_[from];
  return batches_[batch].to_stations[to].km[lane];
}

std::optional<SkyPath> RouteTable::path(std::size_t from, std::size_t to) const {
  const double length = length_km(from, to);
  if (length == unreachable) return std::nullopt;
  SkyPath path{length, light_time(length), {}};
  std::uint32_t last = first_up_link_[to];
  while (km(from, up_satellites_[last]) + up_km_[last] != length) ++last;
  for (std::uint32_t at = up_satellites_[last]; at != none; at = before(from, at))
    path.satellites.push_back(at);
  std::reverse(path.satellites.begin(), path.satellites.end());
  return path;
}

double RouteTable::km(std::size_t from, std::uint32_t satellite) const {
  const auto& [batch, lane] = seats_[from];
  return batches_[batch].to_satellites[satellite].km[lane];
}

std::uint32_t RouteTable::before(std::size_t from, std::uint32_t satellite) const {
  std::uint32_t lowest = none;
  for (std::uint32_t i = 0; i < terminals_per_satellite; ++i) {
    const std::uint32_t terminal = terminals_per_satellite * satellite + i;
    const std::uint32_t other = graph_->sky().far_terminals()[terminal] / terminals_per_satellite;
    const double over = km(from, other) + graph_->terminal_km()[terminal];
    if (over == km(from, satellite)) lowest = std::min(lowest, other);
  }
  return lowest;
}

}  // namespace axs::orbit
