#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/units.h"
#include "axs/net/frame.h"

/// What traffic engineering decides about: how much of each demand goes over which of its candidate
/// paths. `total_flow.h` and `max_min.h` answer for two objectives.
namespace axs::net {

/// What one pair of sites wants to send. `weight` is what a byte per second of it is worth: for
/// total flow a price, for max-min fairness its share relative to the others of its class.
struct Demand {
  BytesPerSecond size{};
  double weight = 1;
  TrafficClass traffic = TrafficClass::bulk;
};

/// Directed links with capacities, and demands with candidate paths over them, all numbered from 0
/// in the order of their arrival. Flat arrays, because solvers run over them thousands of times;
/// rates in them are bytes per second.
class FlowProblem {
 public:
  /// Refuses a capacity that is negative or not finite.
  static Result<FlowProblem> make(std::span<const BytesPerSecond> capacities);

  /// Adds a demand without a path. Refuses a size that is negative or not finite, and a weight that
  /// is not within [1e-9, 1e9].
  Result<> add_demand(const Demand& demand);
  /// Adds a path to the demand that was added last. Refuses an unknown link and the same link
  /// twice.
  Result<> add_path(std::span<const std::uint32_t> links);
  /// A cut sets 0: paths over such a link carry nothing. Refuses what make() refuses.
  Result<> set_capacity(std::size_t link, BytesPerSecond capacity);

  std::size_t links() const { return capacity_.size(); }
  std::size_t demands() const { return size_.size(); }
  std::size_t paths() const { return path_hops_.size(); }

  std::span<const double> capacity() const { return capacity_; }
  std::span<const double> size() const { return size_; }
  std::span<const double> weight() const { return weight_; }
  TrafficClass traffic(std::size_t demand) const { return traffic_[demand]; }
  /// The paths of a demand are those from its first_path() to that of the next.
  std::uint32_t first_path(std::size_t demand) const { return demand_first_[demand]; }
  std::span<const std::uint32_t> path(std::size_t path) const {
    return {path_links_.data() + path_first_[path], path_hops_[path]};
  }
  /// The same, filled up to a multiple of path_block with the number links(): for inner loops,
  /// which take block after block and have a free link at that place.
  std::span<const std::uint32_t> padded_path(std::size_t path) const {
    return {path_links_.data() + path_first_[path], path_links_.data() + path_first_[path + 1]};
  }
  static constexpr std::size_t path_block = 4;
  /// The most that a demand can send: its size, or what its paths could carry one by one.
  double usable_size(std::size_t demand) const;

 private:
  std::vector<double> capacity_;
  std::vector<double> size_;
  std::vector<double> weight_;
  std::vector<TrafficClass> traffic_;
  std::vector<std::uint32_t> demand_first_{0};
  std::vector<std::uint32_t> path_first_{0};
  std::vector<std::uint32_t> path_hops_;
  std::vector<std::uint32_t> path_links_;
};

/// How much each path carries, by the numbers of the problem.
using PathFlows = std::vector<double>;

/// The load of every link under `flows`.
std::vector<double> link_loads(const FlowProblem& problem, const PathFlows& flows);
/// What every demand gets under `flows`.
std::vector<double> demand_rates(const FlowProblem& problem, const PathFlows& flows);

}  // namespace axs::net
