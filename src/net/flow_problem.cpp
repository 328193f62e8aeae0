#include "axs/net/flow_problem.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace axs::net {
namespace {

constexpr double weight_min = 1e-9;
constexpr double weight_max = 1e9;

Error invalid(const std::string& what) {
  return {Errc::invalid, what};
}

Result<> check_rate(const std::string& what, BytesPerSecond rate) {
  if (std::isfinite(rate.value()) && rate.value() >= 0) return Ok{};
  return invalid(what + " " + std::to_string(rate.value()) + " B/s, want a finite number >= 0");
}

}  // namespace

Result<FlowProblem> FlowProblem::make(std::span<const BytesPerSecond> capacities) {
  FlowProblem problem;
  problem.capacity_.resize(capacities.size());
  for (std::size_t link = 0; link < capacities.size(); ++link)
    AXS_TRY(problem.set_capacity(link, capacities[link]));
  return problem;
}

Result<> FlowProblem::add_demand(const Demand& demand) {
  const std::string name = "demand " + std::to_string(demands());
  AXS_TRY(check_rate(name + ": size", demand.size));
  if (!(demand.weight >= weight_min && demand.weight <= weight_max))
    return invalid(name + ": weight " + std::to_string(demand.weight) + ", want 1e-9 to 1e9");
  size_.push_back(demand.size.value());
  weight_.push_back(demand.weight);
  traffic_.push_back(demand.traffic);
  demand_first_.push_back(demand_first_.back());
  return Ok{};
}

Result<> FlowProblem::add_path(std::span<const std::uint32_t> links) {
  const std::string name = "path " + std::to_string(paths());
  if (demands() == 0) return invalid(name + ": no demand was added before it");
  for (auto link = links.begin(); link != links.end(); ++link) {
    if (*link >= capacity_.size())
      return invalid(name + ": link " + std::to_string(*link) + ", want one below " +
                     std::to_string(capacity_.size()));
    if (std::find(links.begin(), link, *link) != link)
      return invalid(name + ": link " + std::to_string(*link) + " twice, want it once");
  }
  path_links_.insert(path_links_.end(), links.begin(), links.end());
  path_hops_.push_back(static_cast<std::uint32_t>(links.size()));
  while (path_links_.size() % path_block != 0)
    path_links_.push_back(static_cast<std::uint32_t>(capacity_.size()));
  path_first_.push_back(static_cast<std::uint32_t>(path_links_.size()));
  ++demand_first_.back();
  return Ok{};
}

Result<> FlowProblem::set_capacity(std::size_t link, BytesPerSecond capacity) {
  if (link >= capacity_.size())
    return invalid("link " + std::to_string(link) + ", want one below " +
                   std::to_string(capacity_.size()));
  AXS_TRY(check_rate("link " + std::to_string(link) + ": capacity", capacity));
  capacity_[link] = capacity.value();
  return Ok{};
}

double FlowProblem::usable_size(std::size_t demand) const {
  const double wanted = size_[demand];
  double sum = 0;
  for (auto number = first_path(demand); number < first_path(demand + 1); ++number) {
    double least = wanted;
    for (const auto link : path(number)) least = std::min(least, capacity_[link]);
    sum += least;
    if (sum >= wanted) return wanted;
  }
  return sum;
}

std::vector<double> link_loads(const FlowProblem& problem, const PathFlows& flows) {
  std::vector<double> loads(problem.links());
  for (std::size_t path = 0; path < problem.paths(); ++path)
    for (const auto link : problem.path(path)) loads[link] += flows[path];
  return loads;
}

std::vector<double> demand_rates(const FlowProblem& problem, const PathFlows& flows) {
  std::vector<double> rates(problem.demands());
  for (std::size_t demand = 0; demand < problem.demands(); ++demand)
    for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path)
      rates[demand] += flows[path];
  return rates;
}

}  // namespace axs::net
