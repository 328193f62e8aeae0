#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "axs/net/flow_problem.h"

namespace axs::net {

/// Where water-filling of one class could not go on, and why: at these prices of what higher
/// classes have left, the links are worth exactly what the demands that pay for them send, and none
/// of those has a higher rate per weight than `rate`. So none can grow unless another of them
/// shrinks.
struct MaxMinLevel {
  struct Price {
    std::uint32_t link;
    double price;
  };
  TrafficClass traffic{};
  double rate{};  ///< Bytes per second and weight.
  std::vector<Price> prices;
};

/// A max-min fair allocation and its proof.
struct MaxMinFlow {
  static constexpr std::uint32_t satisfied = std::numeric_limits<std::uint32_t>::max();

  PathFlows flows;
  std::vector<MaxMinLevel> levels;      ///< Class by class, within a class upwards.
  std::vector<std::uint32_t> level_of;  ///< By demand: where it was stopped, or `satisfied`.
  std::uint32_t pivots{};               ///< What the solver needed.
};

/// Shares the links by strict priority (control, gradient, bulk), each class having what those
/// before it left. Within a class the vector of rates per weight, sorted upwards, is the greatest
/// possible (Bertsekas and Gallager, Data Networks, section 6.5.2, for flows over several paths):
/// exact but for rounding, by the simplex method as docs/design/014-traffic-engineering.md says.
MaxMinFlow share_max_min(const FlowProblem& problem);

/// Checks the proof by its prices alone: the largest part of its rate by which any demand that is
/// not satisfied could perhaps still grow without taking from one of its class with no higher rate
/// per weight. 0 for a perfect proof, infinite if a level proves nothing for a demand it names.
double max_min_doubt(const FlowProblem& problem, const MaxMinFlow& found);

/// What the classes above `traffic` leave of each link; what is only rounding counts as nothing.
std::vector<double> capacity_left(const FlowProblem& problem, const PathFlows& flows,
                                  TrafficClass traffic);

}  // namespace axs::net
