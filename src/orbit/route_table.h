#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "axs/orbit/route_kernel.h"
#include "axs/orbit/sky.h"

namespace axs::orbit {

/// The shortest ways between all pairs of many stations, bit for bit those of SkyGraph::shortest(),
/// for one instant after the other. How the ways were found at the last instant is used at the
/// next, so that short steps cost least; what comes out does not depend on it.
class RouteTable {
 public:
  explicit RouteTable(std::vector<GroundStation> stations, SimdLevel level = simd_level());

  std::size_t size() const { return stations_.size(); }
  const GroundStation& station(std::size_t i) const { return stations_[i]; }
  /// From the next update() on; what is not in use sees no satellite.
  void set_in_use(std::size_t station, bool in_use) { in_use_[station] = in_use; }

  /// Goes on to the links of another instant, of the same sky, which must outlive the table.
  void update(SkyGraph graph);

  // The following are of the last update(), which there must have been.

  /// From station to station, infinite if there is no way.
  double length_km(std::size_t from, std::size_t to) const;
  /// Of equals the same as SkyGraph::shortest() chooses. Quickest where the last path that was
  /// asked for began at the same station.
  std::optional<SkyPath> path(std::size_t from, std::size_t to);

 private:
  /// Stations that are solved together, one to a lane, because light spreads from them alike.
  struct Batch {
    std::vector<std::uint32_t> stations;
    std::vector<RouteRow> to_stations;
    /// The arrivals of an earlier instant, to be replayed.
    std::vector<std::uint32_t> arrivals;
  };
  struct Seat {
    std::uint32_t batch;
    std::uint32_t lane;
  };

  void gather_batches();
  void find_up_links();
  void prepare(std::size_t satellites);
  void solve(std::uint32_t batch);
  void start(const Batch& batch, RouteQueue& queue);
  void keep_last_arrivals(Batch& batch, std::size_t count);
  void land(Batch& batch) const;
  /// The satellite before this one on the way in a lane of rows_, the lowest of equals.
  std::uint32_t before(std::uint32_t satellite, std::uint32_t lane) const;

  std::vector<GroundStation> stations_;
  std::vector<bool> in_use_;
  const SkyKernels* kernels_;
  std::optional<SkyGraph> graph_;
  UpLinks up_links_;  ///< Of all stations.
  std::vector<Batch> batches_;
  std::vector<Seat> seats_;  ///< Of each station.

  /// To each satellite from the stations of the batch that was solved last. Those of all batches
  /// would not fit into a cache.
  std::vector<RouteRow> rows_;
  std::uint32_t solved_{};

  // What solve() needs while it runs.
  std::vector<std::uint32_t> queue_, next_queue_;
  std::vector<std::uint8_t> waiting_;
  std::vector<std::uint32_t> terminals_;
  std::vector<std::uint8_t> lanes_;
};

}  // namespace axs::orbit
