#pragma once

#include <vector>

#include "axs/net/flow_problem.h"

namespace axs::net {

/// The most total weighted flow that was found, and the proof of how good it is.
struct TotalFlow {
  PathFlows flows;  ///< Within all capacities and demand sizes, also in exact arithmetic.
  std::vector<double> prices;  ///< By link: what a byte per second over it is worth.
  double value{};              ///< The sum of weight times flow.
  double bound{};              ///< dual_bound() of the prices: no flow is worth more.
  std::uint32_t rounds{};      ///< What the solver needed.

  /// How much of the bound may be missing, 0 to 1.
  double gap() const { return bound > 0 ? (bound - value) / bound : 0; }
};

struct TotalFlowOptions {
  double gap = 0.01;               ///< Stop as soon as it is proved.
  std::uint32_t rounds_max = 500;  ///< Stop anyway; the bound still holds.
};

/// Maximises the sum of weight times flow: an augmented Lagrangian over the links (Hestenes 1969,
/// Powell 1969), its inner problem solved by exact exchanges within one demand after the other, as
/// docs/design/014-traffic-engineering.md explains. The same bits everywhere.
TotalFlow maximise_total_flow(const FlowProblem& problem, const TotalFlowOptions& options = {});
/// The same from an earlier solution of a problem with the same links, demands and paths, whose
/// capacities, sizes and weights may have been others.
TotalFlow maximise_total_flow(const FlowProblem& problem, const TotalFlow& start,
                              const TotalFlowOptions& options = {});

/// An upper bound on the total weighted flow from any prices >= 0, one per link, by weak duality:
/// the capacities at their prices, and what each demand would gain at most on its cheapest path.
/// Rounding errors are added to it, so that it holds in exact arithmetic.
double dual_bound(const FlowProblem& problem, const std::vector<double>& prices);

}  // namespace axs::net
