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
constexpr std::size_t arrivals_per_satellite = 12;

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
  for (std::uint32_t batch = 0; batch < batches_.size(); ++batch) {
    solve(batch);
    land(batches_[batch]);
  }
}

void RouteTable::find_up_links() {
  std::vector<GroundStation> stations = stations_;
  for (std::size_t i = 0; i < stations.size(); ++i)
    if (!in_use_[i]) stations[i].max_range_km = 0;
  up_links_ = graph_->up_links(stations);
}

void RouteTable::prepare(std::size_t satellites) {
  rows_.resize(satellites);
  queue_.resize(satellites + 1);
  next_queue_.resize(satellites + 1);
  waiting_.assign(satellites, 0);
  terminals_.resize(arrivals_per_satellite * satellites + terminals_per_satellite);
  lanes_.resize(terminals_.size());
}

void RouteTable::solve(std::uint32_t number) {
  Batch& batch = batches_[number];
  const std::size_t replayed = batch.arrivals.size();
  std::copy(batch.arrivals.begin(), batch.arrivals.end(), terminals_.begin());
  RouteRun run{
      .satellites = rows_.size(),
      .far_terminals = graph_->sky().far_terminals().data(),
      .terminal_km = graph_->terminal_km().data(),
      .rows = rows_.data(),
      .arrivals = {terminals_.data(), lanes_.data(), replayed, terminals_.size()},
      .queue = {queue_.data(), next_queue_.data(), waiting_.data(), 0},
  };
  start(batch, run.queue);
  kernels_->solve(run);
  solved_ = number;
  // A few arrivals behind the replayed ones are cheaper to find again than to sort in.
  if (run.arrivals.count - replayed > replayed / 8) keep_last_arrivals(batch, run.arrivals.count);
}

/// The up-links. Their satellites make the queue if there is nothing to replay.
void RouteTable::start(const Batch& batch, RouteQueue& queue) {
  kernels_->clear(rows_.data(), rows_.size());
  for (std::size_t lane = 0; lane < batch.stations.size(); ++lane) {
    const std::uint32_t station = batch.stations[lane];
    for (std::uint32_t i = up_links_.first[station]; i < up_links_.first[station + 1]; ++i) {
      const std::uint32_t satellite = up_links_.satellites[i];
      rows_[satellite].km[lane] = up_links_.km[i];
      if (!batch.arrivals.empty() || waiting_[satellite] != 0) continue;
      waiting_[satellite] = 1;
      queue.now[queue.count++] = satellite;
    }
  }
}

/// Keeps the arrivals by which a way got its final length. They are those after which no other made
/// it shorter, so going backwards the first that are met.
void RouteTable::keep_last_arrivals(Batch& batch, std::size_t count) {
  const std::span<std::uint32_t> terminals{terminals_.data(), count};
  const std::span<const std::uint8_t> lanes{lanes_.data(), count};
  std::vector<std::uint8_t> final_lanes(rows_.size());
  std::uint8_t* const final = final_lanes.data();
  std::size_t kept = count;
  for (std::size_t i = count; i-- > 0;) {
    const std::uint32_t terminal = terminals[i], satellite = terminal / terminals_per_satellite;
    terminals[kept - 1] = terminal;
    kept -= (lanes[i] & ~final[satellite]) != 0;
    final[satellite] = static_cast<std::uint8_t>(final[satellite] | lanes[i]);
  }
  batch.arrivals.assign(terminals.begin() + static_cast<std::ptrdiff_t>(kept), terminals.end());
}

void RouteTable::land(Batch& batch) const {
  batch.to_stations.resize(stations_.size());
  for (std::size_t station = 0; station < stations_.size(); ++station) {
    const std::uint32_t first = up_links_.first[station];
    kernels_->land({.rows = rows_.data(),
                    .satellites = up_links_.satellites.data() + first,
                    .down_km = up_links_.km.data() + first,
                    .count = up_links_.first[station + 1] - first,
                    .km = &batch.to_stations[station]});
  }
}

double RouteTable::length_km(std::size_t from, std::size_t to) const {
  AXS_ASSERT(graph_ && from < size() && to < size());
  const auto& [batch, lane] = seats_[from];
  return batches_[batch].to_stations[to].km[lane];
}

std::optional<SkyPath> RouteTable::path(std::size_t from, std::size_t to) {
  const double length = length_km(from, to);
  if (length == unreachable) return std::nullopt;
  const auto& [batch, lane] = seats_[from];
  if (batch != solved_) solve(batch);
  SkyPath path{length, light_time(length), {}};
  std::uint32_t down = up_links_.first[to];
  while (rows_[up_links_.satellites[down]].km[lane] + up_links_.km[down] != length) ++down;
  for (std::uint32_t at = up_links_.satellites[down]; at != none; at = before(at, lane))
    path.satellites.push_back(at);
  std::reverse(path.satellites.begin(), path.satellites.end());
  return path;
}

std::uint32_t RouteTable::before(std::uint32_t satellite, std::uint32_t lane) const {
  std::uint32_t lowest = none;
  for (std::uint32_t i = 0; i < terminals_per_satellite; ++i) {
    const std::uint32_t terminal = terminals_per_satellite * satellite + i;
    const std::uint32_t other = graph_->sky().far_terminals()[terminal] / terminals_per_satellite;
    const double over = rows_[other].km[lane] + graph_->terminal_km()[terminal];
    if (over == rows_[satellite].km[lane]) lowest = std::min(lowest, other);
  }
  return lowest;
}

}  // namespace axs::orbit
