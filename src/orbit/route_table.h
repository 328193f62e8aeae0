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

  /// Goes on to the links of another instant, of the same sky.
  void update(SkyGraph graph);

  // The following are of the last update(), which there must have been.

  /// From station to station, infinite if there is no way.
  double length_km(std::size_t from, std::size_t to) const;
  /// Of equals the same as SkyGraph::shortest() chooses.
  std::optional<SkyPath> path(std::size_t from, std::size_t to) const;

 private:
  /// Stations that are solved together, one to a lane, because light spreads from them alike.
  struct Batch {
    std::vector<std::uint32_t> stations;
    std::vector<RouteRow> to_satellites;
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
  void solve(Batch& batch);
  void keep_last_arrivals(Batch& batch, std::size_t count);
  void land(Batch& batch);
  double km(std::size_t from, std::uint32_t satellite) const;
  /// The satellite before this one on the way from a station, the lowest of equals.
  std::uint32_t before(std::size_t from, std::uint32_t satellite) const;

  std::vector<GroundStation> stations_;
  std::vector<bool> in_use_;
  const SkyKernels* kernels_;
  std::optional<SkyGraph> graph_;
  std::vector<Batch> batches_;
  std::vector<Seat> seats_;  ///< Of each station.

  // Up-links of station i are number first_up_link_[i] to first_up_link_[i + 1].
  std::vector<std::uint32_t> first_up_link_;
  std::vector<std::uint32_t> up_satellites_;
  std::vector<double> up_km_;

  // What solve() needs while it runs.
  std::vector<std::uint32_t> queue_, next_queue_;
  std::vector<std::uint8_t> waiting_;
  std::vector<std::uint32_t> terminals_;
  std::vector<std::uint8_t> lanes_;
};

}  // namespace axs::orbit
