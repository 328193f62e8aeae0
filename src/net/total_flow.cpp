#include "axs/net/total_flow.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "axs/core/assert.h"

namespace axs::net {
namespace {

/// An index of a path that means: not sent at all.
constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();
/// How fast a price rises with a load beyond capacity: by this many mean weights when the load is
/// twice the capacity.
constexpr double stiffness = 1;
constexpr int sweeps_per_round = 4;
/// Flows are lowered by this part at the end: more than rounding may have added.
constexpr double rounding_reserve = 0x1p-36;

/// What of a problem matters: links that can be full, paths that are not cut, demands that have one.
/// Paths are padded to even length with a link that is always free.
struct Core {
  std::vector<double> capacity;
  std::vector<std::uint32_t> link;  ///< Its number in the problem.
  std::vector<double> size;
  std::vector<double> weight;
  std::vector<std::uint32_t> demand_first{0};
  std::vector<std::uint32_t> path;  ///< Its number in the problem.
  std::vector<std::uint32_t> path_first{0};
  std::vector<std::uint32_t> path_links;

  std::uint32_t demands() const { return static_cast<std::uint32_t>(size.size()); }
  std::uint32_t paths() const { return static_cast<std::uint32_t>(path.size()); }
};

/// The most that a demand can send over its paths.
double usable_size(const FlowProblem& problem, std::size_t demand) {
  double sum = 0;
  for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path)
    sum += problem.bottleneck(path);
  return std::min(sum, problem.size()[demand]);
}

/// The load of every link if each demand filled it with all that it can send.
std::vector<double> possible_loads(const FlowProblem& problem, const std::vector<double>& size) {
  std::vector<double> load(problem.links());
  std::vector<std::size_t> seen_by(problem.links(), problem.demands());
  for (std::size_t demand = 0; demand < problem.demands(); ++demand)
    for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path)
      for (const auto link : problem.path(path))
        if (std::exchange(seen_by[link], demand) != demand) load[link] += size[demand];
  return load;
}


void add_path(Core& core, std::span<const std::uint32_t> links,
              const std::vector<std::uint32_t>& place) {
  const auto free_link = static_cast<std::uint32_t>(core.link.size());
  for (const auto link : links)
    if (place[link] != nowhere) core.path_links.push_back(place[link]);
  if ((core.path_links.size() - core.path_first.back()) % 2 != 0)
    core.path_links.push_back(free_link);
  core.path_first.push_back(static_cast<std::uint32_t>(core.path_links.size()));
}

/// Keeps the links that can be full, and says for every link of the problem where it is now.
std::vector<std::uint32_t> keep_links(Core& core, const FlowProblem& problem,
                                      const std::vector<double>& load) {
  std::vector<std::uint32_t> place(problem.links(), nowhere);
  for (std::uint32_t link = 0; link < problem.links(); ++link) {
    if (load[link] <= problem.capacity()[link] * (1 - rounding_reserve)) continue;
    place[link] = static_cast<std::uint32_t>(core.link.size());
    core.link.push_back(link);
    core.capacity.push_back(problem.capacity()[link]);
  }
  return place;
}

Core make_core(const FlowProblem& problem) {
  std::vector<double> size(problem.demands());
  for (std::size_t demand = 0; demand < size.size(); ++demand)
    size[demand] = usable_size(problem, demand);
  Core core;
  const auto place = keep_links(core, problem, possible_loads(problem, size));
  for (std::size_t demand = 0; demand < size.size(); ++demand) {
    if (size[demand] == 0) continue;
    core.size.push_back(size[demand]);
    core.weight.push_back(problem.weight()[demand]);
    for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path) {
      if (problem.bottleneck(path) == 0) continue;
      core.path.push_back(path);
      add_path(core, problem.path(path), place);
    }
    core.demand_first.push_back(core.paths());
  }
  return core;
}

double mean_weight(const Core& core) {
  double sum = 0;
  double size = 0;
  for (std::uint32_t demand = 0; demand < core.demands(); ++demand) {
    sum += core.weight[demand] * core.size[demand];
    size += core.size[demand];
  }
  return size > 0 ? sum / size : 0;
}

class Solver {
 public:
  explicit Solver(const FlowProblem& problem);
  void start_from(const TotalFlow& start);
  TotalFlow solve(const TotalFlowOptions& options);

 private:
  /// The best and the worst place for what a demand sends now, as gain per byte per second.
  struct Exchange {
    std::uint32_t to = nowhere;
    std::uint32_t from = nowhere;
    double gain_to = 0;
    double gain_from = std::numeric_limits<double>::infinity();
  };

  /// A path that has room for more of its demand.
  struct Wish {
    double gain;
    std::uint32_t path;
    std::uint32_t demand;
  };

  double path_price(std::uint32_t path) const;
  Exchange best_exchange(std::uint32_t demand) const;
  void perform(std::uint32_t demand, const Exchange& exchange);
  double stiffness_of(std::uint32_t path) const;
  void change(std::uint32_t path, double by);
  void update_price(std::size_t link);
  void sweep();
  void raise_multipliers();
  double evaluate();
  void repair();
  double scale_down();
  double fill();
  double room(std::uint32_t path) const;

  const FlowProblem& problem_;
  Core core_;
  std::vector<double> rise_;        ///< Of a link's price, per load beyond its capacity.
  std::vector<double> multiplier_;  ///< A link's price at a load equal to its capacity.
  std::vector<double> load_;
  std::vector<double> price_;
  std::vector<double> flow_;    ///< By path.
  std::vector<double> unsent_;  ///< By demand.
  std::vector<std::uint32_t> active_;  ///< Demands for which there is an exchange worth making.

  double bound_ = std::numeric_limits<double>::infinity();
  std::vector<double> bound_price_;
  double value_ = -1;
  std::vector<double> value_flow_;
  // What repair() works on.
  std::vector<double> fit_flow_;
  std::vector<double> fit_unsent_;
  std::vector<double> fit_room_;  ///< By link.
  std::vector<Wish> wishes_;
};

Solver::Solver(const FlowProblem& problem)
    : problem_{problem},
      core_{make_core(problem)},
      rise_(core_.link.size() + 1),
      multiplier_(core_.link.size() + 1),
      load_(core_.link.size() + 1),
      price_(core_.link.size() + 1),
      flow_(core_.paths()),
      unsent_(core_.size),
      fit_room_(core_.link.size() + 1) {
  const double weight = mean_weight(core_);
  for (std::size_t link = 0; link < core_.link.size(); ++link)
    rise_[link] = stiffness * weight / core_.capacity[link];
  core_.capacity.push_back(std::numeric_limits<double>::max());
}

double Solver::path_price(std::uint32_t path) const {
  double sum = 0;
  for (auto i = core_.path_first[path]; i < core_.path_first[path + 1]; i += 2)
    sum += price_[core_.path_links[i]] + price_[core_.path_links[i + 1]];
  return sum;
}

Solver::Exchange Solver::best_exchange(std::uint32_t demand) const {
  Exchange exchange;
  if (unsent_[demand] > 0) exchange.gain_from = 0;
  for (auto path = core_.demand_first[demand]; path < core_.demand_first[demand + 1]; ++path) {
    const double gain = core_.weight[demand] - path_price(path);
    if (gain > exchange.gain_to) {
      exchange.gain_to = gain;
      exchange.to = path;
    }
    if (flow_[path] > 0 && gain < exchange.gain_from) {
      exchange.gain_from = gain;
      exchange.from = path;
    }
  }
  return exchange;
}

double Solver::stiffness_of(std::uint32_t path) const {
  double sum = 0;
  if (path == nowhere) return sum;
  for (auto i = core_.path_first[path]; i < core_.path_first[path + 1]; ++i)
    sum += rise_[core_.path_links[i]];
  return sum;
}

void Solver::update_price(std::size_t link) {
  const double price = multiplier_[link] + rise_[link] * (load_[link] - core_.capacity[link]);
  price_[link] = price > 0 ? price : 0;
}

void Solver::change(std::uint32_t path, double by) {
  flow_[path] += by;
  for (auto i = core_.path_first[path]; i < core_.path_first[path + 1]; ++i) {
    load_[core_.path_links[i]] += by;
    update_price(core_.path_links[i]);
  }
}

/// Moves as much as makes both gains equal, were no link on both paths and no price at 0: never too
/// much.
void Solver::perform(std::uint32_t demand, const Exchange& exchange) {
  const double there = exchange.from == nowhere ? unsent_[demand] : flow_[exchange.from];
  const double stiff = stiffness_of(exchange.to) + stiffness_of(exchange.from);
  const double difference = exchange.gain_to - exchange.gain_from;
  const bool all = there * stiff <= difference;
  const double moved = all ? there : difference / stiff;
  if (exchange.to == nowhere) unsent_[demand] += moved;
  else change(exchange.to, moved);
  if (exchange.from == nowhere) unsent_[demand] = all ? 0 : there - moved;
  else change(exchange.from, -moved);
}

void Solver::sweep() {
  for (const auto demand : active_) {
    const auto exchange = best_exchange(demand);
    if (exchange.gain_to - exchange.gain_from > 1e-9 * core_.weight[demand])
      perform(demand, exchange);
  }
}

void Solver::raise_multipliers() {
  for (std::size_t link = 0; link < core_.link.size(); ++link) {
    multiplier_[link] = price_[link];
    update_price(link);
  }
}

/// The dual bound of the prices as they are; also finds the active demands.
double Solver::evaluate() {
  double bound = 0;
  for (std::size_t link = 0; link < core_.link.size(); ++link)
    bound += core_.capacity[link] * price_[link];
  active_.clear();
  for (std::uint32_t demand = 0; demand < core_.demands(); ++demand) {
    const auto exchange = best_exchange(demand);
    bound += core_.size[demand] * exchange.gain_to;
    if (exchange.gain_to - exchange.gain_from > 1e-9 * core_.weight[demand])
      active_.push_back(demand);
  }
  return bound;
}

double Solver::room(std::uint32_t path) const {
  double least = std::numeric_limits<double>::infinity();
  for (auto i = core_.path_first[path]; i < core_.path_first[path + 1]; ++i)
    least = std::min(least, fit_room_[core_.path_links[i]]);
  return least;
}

/// Lowers what runs over links that are too full, each path by its worst link; the value of that.
double Solver::scale_down() {
  std::vector<double> part(load_.size(), 1);
  for (std::size_t link = 0; link < core_.link.size(); ++link)
    if (load_[link] > core_.capacity[link]) part[link] = core_.capacity[link] / load_[link];
  fit_flow_ = flow_;
  fit_unsent_ = core_.size;
  fit_room_ = core_.capacity;
  double value = 0;
  for (std::uint32_t demand = 0; demand < core_.demands(); ++demand)
    for (auto path = core_.demand_first[demand]; path < core_.demand_first[demand + 1]; ++path) {
      if (flow_[path] == 0) continue;
      double least = 1;
      for (auto i = core_.path_first[path]; i < core_.path_first[path + 1]; ++i)
        least = std::min(least, part[core_.path_links[i]]);
      fit_flow_[path] *= least;
      for (auto i = core_.path_first[path]; i < core_.path_first[path + 1]; ++i)
        fit_room_[core_.path_links[i]] -= fit_flow_[path];
      fit_unsent_[demand] -= fit_flow_[path];
      value += core_.weight[demand] * fit_flow_[path];
    }
  return value;
}

/// Gives what room is left to what gains most; the value of that.
double Solver::fill() {
  wishes_.clear();
  for (std::uint32_t demand = 0; demand < core_.demands(); ++demand) {
    if (fit_unsent_[demand] <= rounding_reserve * core_.size[demand]) continue;
    for (auto path = core_.demand_first[demand]; path < core_.demand_first[demand + 1]; ++path)
      if (room(path) > 0)
        wishes_.push_back({core_.weight[demand] - path_price(path), path, demand});
  }
  std::sort(wishes_.begin(), wishes_.end(), [](const Wish& a, const Wish& b) {
    return a.gain != b.gain ? a.gain > b.gain : a.path < b.path;
  });
  double value = 0;
  for (const auto& wish : wishes_) {
    const double more = std::min(fit_unsent_[wish.demand], room(wish.path));
    if (more <= 0) continue;
    fit_flow_[wish.path] += more;
    fit_unsent_[wish.demand] -= more;
    for (auto i = core_.path_first[wish.path]; i < core_.path_first[wish.path + 1]; ++i)
      fit_room_[core_.path_links[i]] -= more;
    value += core_.weight[wish.demand] * more;
  }
  return value;
}

/// Makes flows that fit out of those that may not, and keeps the best.
void Solver::repair() {
  double value = scale_down();
  value += fill();
  if (value <= value_) return;
  value_ = value;
  value_flow_ = fit_flow_;
}

void Solver::start_from(const TotalFlow& start) {
  for (std::size_t link = 0; link < core_.link.size(); ++link)
    multiplier_[link] = start.prices[core_.link[link]];
  for (std::uint32_t demand = 0; demand < core_.demands(); ++demand)
    for (auto path = core_.demand_first[demand]; path < core_.demand_first[demand + 1]; ++path) {
      const double flow = std::min(start.flows[core_.path[path]], unsent_[demand]);
      unsent_[demand] -= flow;
      change(path, flow);
    }
}

TotalFlow Solver::solve(const TotalFlowOptions& options) {
  TotalFlow found;
  // Half of the reserve is for the bound's own rounding.
  const double enough = (1 - options.gap) * (1 + 2 * rounding_reserve);
  for (std::size_t link = 0; link < core_.link.size(); ++link) {
    price_[link] = multiplier_[link];
  }
  for (;; ++found.rounds) {
    const double bound = evaluate();
    if (bound < bound_) {
      bound_ = bound;
      bound_price_ = price_;
    }
    repair();
    if (value_ >= enough * bound_ || found.rounds == options.rounds_max) break;
    for (int i = 0; i < sweeps_per_round; ++i) {
      if (i > 0) raise_multipliers();
      sweep();
    }
    raise_multipliers();
  }
  found.flows.assign(problem_.paths(), 0);
  found.prices.assign(problem_.links(), 0);
  for (std::uint32_t path = 0; path < core_.paths(); ++path)
    found.flows[core_.path[path]] = value_flow_[path] * (1 - rounding_reserve);
  for (std::size_t link = 0; link < core_.link.size(); ++link)
    found.prices[core_.link[link]] = bound_price_[link];
  found.value = value_ * (1 - rounding_reserve);
  found.bound = dual_bound(problem_, found.prices);
  return found;
}

}  // namespace

TotalFlow maximise_total_flow(const FlowProblem& problem, const TotalFlowOptions& options) {
  return Solver{problem}.solve(options);
}

TotalFlow maximise_total_flow(const FlowProblem& problem, const TotalFlow& start,
                              const TotalFlowOptions& options) {
  AXS_ASSERT(start.flows.size() == problem.paths() && start.prices.size() == problem.links());
  Solver solver{problem};
  solver.start_from(start);
  return solver.solve(options);
}

double dual_bound(const FlowProblem& problem, const std::vector<double>& prices) {
  AXS_ASSERT(prices.size() == problem.links());
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  double bound = 0;
  for (std::size_t link = 0; link < problem.links(); ++link)
    bound += problem.capacity()[link] * prices[link];
  for (std::size_t demand = 0; demand < problem.demands(); ++demand) {
    double gain = 0;
    for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path) {
      if (problem.bottleneck(path) == 0) continue;
      double price = 0;
      for (const auto link : problem.path(path)) price += prices[link];
      const auto terms = static_cast<double>(problem.path(path).size());
      price *= 1 - epsilon * (terms + 1);
      gain = std::max(gain, problem.weight()[demand] - price);
    }
    bound += usable_size(problem, demand) * gain;
  }
  const auto terms = static_cast<double>(problem.links() + problem.demands());
  return bound * (1 + epsilon * (terms + 8));
}

}  // namespace axs::net
