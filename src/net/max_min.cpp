#include "axs/net/max_min.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "axs/net/water_filling.h"

namespace axs::net {
namespace {

constexpr std::array classes{TrafficClass::control, TrafficClass::gradient, TrafficClass::bulk};
/// So small a part of a capacity is only rounding.
constexpr double rounding = 1e-9;
/// Flows are lowered by this part: more than their rounding.
constexpr double reserve = 1e-12;
constexpr double infinite = std::numeric_limits<double>::infinity();

std::vector<double> class_loads(const FlowProblem& problem, const PathFlows& flows,
                                TrafficClass traffic) {
  std::vector<double> loads(problem.links());
  for (std::size_t demand = 0; demand < problem.demands(); ++demand)
    if (problem.traffic(demand) == traffic)
      for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path)
        for (const auto link : problem.path(path)) loads[link] += flows[path];
  return loads;
}

/// Lowers the flows of a class by as much as its worst link is too full: what rounding has added.
void make_feasible(const FlowProblem& problem, const std::vector<double>& left,
                   TrafficClass traffic, PathFlows& flows) {
  const auto loads = class_loads(problem, flows, traffic);
  double worst = 1;
  for (std::size_t link = 0; link < problem.links(); ++link)
    if (left[link] > 0) worst = std::max(worst, loads[link] / left[link]);
  for (std::size_t demand = 0; demand < problem.demands(); ++demand)
    if (problem.traffic(demand) == traffic)
      for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path)
        flows[path] /= worst * (1 + reserve);
}

/// What every demand would pay per byte per second on its cheapest path that is open.
std::vector<double> cheapest(const FlowProblem& problem, const MaxMinLevel& level,
                             const std::vector<double>& left) {
  std::vector<double> prices(problem.links());
  for (const auto& [link, price] : level.prices) prices[link] = std::max(price, 0.0);
  std::vector<double> least(problem.demands(), infinite);
  for (std::size_t demand = 0; demand < problem.demands(); ++demand)
    for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path) {
      double sum = 0;
      bool closed = false;
      for (const auto link : problem.path(path)) {
        sum += prices[link];
        closed |= left[link] == 0;
      }
      if (!closed) least[demand] = std::min(least[demand], sum);
    }
  return least;
}

/// By how much each demand could grow alone, by the prices of one level, while no other demand of
/// its class whose rate per weight is not above the level shrinks.
std::vector<double> possible_growth(const FlowProblem& problem, const std::vector<double>& rates,
                                    const MaxMinFlow& found, std::size_t number) {
  const auto& level = found.levels[number];
  const auto left = capacity_left(problem, found.flows, level.traffic);
  const auto least = cheapest(problem, level, left);
  double unspent = 0;
  for (const auto& [link, price] : level.prices) unspent += left[link] * std::max(price, 0.0);
  for (std::size_t demand = 0; demand < problem.demands(); ++demand)
    if (problem.traffic(demand) == level.traffic && rates[demand] > 0 &&
        rates[demand] <= level.rate * problem.weight()[demand] * (1 + rounding))
      unspent -= rates[demand] * least[demand];
  std::vector<double> growth(problem.demands());
  for (std::size_t demand = 0; demand < problem.demands(); ++demand)
    growth[demand] = least[demand] > 0 ? std::max(unspent, 0.0) / least[demand] : infinite;
  return growth;
}

}  // namespace

std::vector<double> capacity_left(const FlowProblem& problem, const PathFlows& flows,
                                  TrafficClass traffic) {
  std::vector<double> left(problem.capacity().begin(), problem.capacity().end());
  for (const auto above : classes) {
    if (above == traffic) break;
    const auto loads = class_loads(problem, flows, above);
    for (std::size_t link = 0; link < left.size(); ++link) left[link] -= loads[link];
  }
  for (std::size_t link = 0; link < left.size(); ++link)
    if (left[link] <= rounding * problem.capacity()[link]) left[link] = 0;
  return left;
}

MaxMinFlow share_max_min(const FlowProblem& problem) {
  MaxMinFlow found;
  found.flows.resize(problem.paths());
  found.level_of.assign(problem.demands(), MaxMinFlow::satisfied);
  for (const auto traffic : classes) {
    const auto left = capacity_left(problem, found.flows, traffic);
    WaterFilling{problem, left, traffic}.run(found);
    make_feasible(problem, left, traffic, found.flows);
  }
  return found;
}

double max_min_doubt(const FlowProblem& problem, const MaxMinFlow& found) {
  const auto rates = demand_rates(problem, found.flows);
  double doubt = 0;
  for (std::size_t demand = 0; demand < problem.demands(); ++demand)
    if (found.level_of[demand] == MaxMinFlow::satisfied && problem.size()[demand] > 0)
      doubt = std::max(doubt, problem.size()[demand] / rates[demand] - 1);
  for (std::uint32_t number = 0; number < found.levels.size(); ++number) {
    const auto growth = possible_growth(problem, rates, found, number);
    for (std::size_t demand = 0; demand < problem.demands(); ++demand)
      if (found.level_of[demand] == number)
        doubt = std::max(
            doubt, growth[demand] / (rates[demand] > 0 ? rates[demand] : problem.size()[demand]));
  }
  return doubt;
}

}  // namespace axs::net
