#include "axs/net/total_flow.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "axs/core/assert.h"

namespace axs::net {
namespace {

/// An index of a path that means: not sent at all.
constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();
/// How fast a price rises with a load beyond capacity: by this many mean weights when the load is
/// twice the capacity.
constexpr double stiffness = 1;
constexpr int sweeps_per_round = 4;
constexpr std::uint32_t adapt_every = 12;   ///< Rounds.
constexpr std::uint32_t patient_from = 24;  ///< Rounds.
/// An exchange that gains less than this part of a demand's weight is not made.
constexpr double indifference = 1e-8;
/// Flows are lowered by this part at the end: more than rounding may have added.
constexpr double rounding_reserve = 0x1p-36;

double mean_weight(const FlowProblem& problem) {
  double sum = 0;
  double size = 0;
  for (std::size_t demand = 0; demand < problem.demands(); ++demand) {
    sum += problem.weight()[demand] * problem.size()[demand];
    size += problem.size()[demand];
  }
  return size > 0 ? sum / size : 0;
}

/// The price of a path. `price` has one entry more than there are links, for the free one.
double path_price(const FlowProblem& problem, const std::vector<double>& price,
                  std::uint32_t path) {
  const auto links = problem.padded_path(path);
  double sum = 0;
  for (auto link = links.begin(); link != links.end(); link += FlowProblem::path_block)
    sum += (price[link[0]] + price[link[1]]) + (price[link[2]] + price[link[3]]);
  return sum;
}

double least_price(const FlowProblem& problem, const std::vector<double>& price,
                   std::size_t demand) {
  double least = std::numeric_limits<double>::infinity();
  for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path)
    least = std::min(least, path_price(problem, price, path));
  return least;
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

  /// A demand that wants more.
  struct Wish {
    double gain;
    std::uint32_t demand;
  };

  Exchange best_exchange(std::uint32_t demand) const;
  void perform(std::uint32_t demand, const Exchange& exchange);
  double stiffness_of(std::uint32_t path) const;
  void change(std::uint32_t path, double by);
  void update_price(std::size_t link);
  void raise_multipliers();
  void adapt_stiffness();
  void sweep();
  void evaluate();
  double promise() const;
  void repair();
  double scale_down();
  double fill();
  double fill(std::uint32_t demand);
  double room(std::uint32_t path) const;
  TotalFlow result(std::uint32_t rounds) const;

  const FlowProblem& problem_;
  // By link; the last, beyond the problem's own, is free.
  std::vector<double> capacity_;
  std::vector<double> rise_;        ///< Of the price, per load beyond the capacity.
  std::vector<double> multiplier_;  ///< The price at a load equal to the capacity.
  std::vector<double> load_;
  std::vector<double> price_;

  std::vector<double> flow_;           ///< By path.
  std::vector<double> size_;           ///< By demand: what it can send.
  std::vector<double> unsent_;         ///< By demand.
  std::vector<double> gain_;           ///< By demand: of its best path, when last evaluated.
  std::vector<std::uint32_t> active_;  ///< The demands that the next sweep visits.

  double bound_ = std::numeric_limits<double>::infinity();
  std::vector<double> bound_price_;
  double value_ = -1;
  std::vector<double> value_flow_;
  // What repair() works on: the same as without "fit", but feasible.
  std::vector<double> part_;  ///< By link: what of its load it can carry.
  std::vector<double> fit_flow_;
  std::vector<double> fit_unsent_;
  std::vector<double> fit_room_;  ///< By link.
  std::vector<Wish> wishes_;
};

Solver::Solver(const FlowProblem& problem)
    : problem_{problem},
      capacity_(problem.capacity().begin(), problem.capacity().end()),
      rise_(problem.links() + 1),
      multiplier_(problem.links() + 1),
      load_(problem.links() + 1),
      flow_(problem.paths()),
      size_(problem.demands()),
      gain_(problem.demands()),
      part_(problem.links() + 1, 1) {
  capacity_.push_back(std::numeric_limits<double>::max());
  for (std::size_t demand = 0; demand < size_.size(); ++demand)
    size_[demand] = problem.usable_size(demand);
  unsent_ = size_;
  const double weight = mean_weight(problem);
  for (std::size_t link = 0; link < problem.links(); ++link)
    if (capacity_[link] > 0)
      rise_[link] = stiffness * weight / capacity_[link];
    else
      multiplier_[link] = std::numeric_limits<double>::infinity();
  price_ = multiplier_;
}

Solver::Exchange Solver::best_exchange(std::uint32_t demand) const {
  Exchange exchange;
  if (unsent_[demand] > 0) exchange.gain_from = 0;
  for (auto path = problem_.first_path(demand); path < problem_.first_path(demand + 1); ++path) {
    const double gain = problem_.weight()[demand] - path_price(problem_, price_, path);
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
  for (const auto link : problem_.padded_path(path)) sum += rise_[link];
  return sum;
}

void Solver::update_price(std::size_t link) {
  const double price = multiplier_[link] + rise_[link] * (load_[link] - capacity_[link]);
  price_[link] = price > 0 ? price : 0;
}

void Solver::change(std::uint32_t path, double by) {
  flow_[path] += by;
  for (const auto link : problem_.padded_path(path)) {
    load_[link] += by;
    update_price(link);
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
  if (exchange.to == nowhere)
    unsent_[demand] += moved;
  else
    change(exchange.to, moved);
  if (exchange.from == nowhere)
    unsent_[demand] = all ? 0 : there - moved;
  else
    change(exchange.from, -moved);
}

/// The outer step of the method: what a load beyond capacity has done to a price, it keeps.
void Solver::raise_multipliers() {
  multiplier_ = price_;
  for (std::size_t link = 0; link < problem_.links(); ++link) update_price(link);
}

/// Where prices are far below the mean weight, they shall also rise more slowly.
void Solver::adapt_stiffness() {
  for (std::size_t link = 0; link < problem_.links(); ++link)
    if (price_[link] > 0 && capacity_[link] > 0)
      rise_[link] = std::max(rise_[link] / 2, stiffness * price_[link] / capacity_[link]);
}

/// The inner step: one exchange for each active demand, which stays active if that was worth it.
void Solver::sweep() {
  std::erase_if(active_, [this](std::uint32_t demand) {
    const auto exchange = best_exchange(demand);
    const double difference = exchange.gain_to - exchange.gain_from;
    if (difference <= indifference * problem_.weight()[demand]) return true;
    perform(demand, exchange);
    return false;
  });
}

/// The dual bound of the prices as they are.
void Solver::evaluate() {
  double bound = 0;
  for (std::size_t link = 0; link < problem_.links(); ++link)
    if (capacity_[link] > 0) bound += capacity_[link] * price_[link];
  for (std::uint32_t demand = 0; demand < problem_.demands(); ++demand) {
    const double gain = problem_.weight()[demand] - least_price(problem_, price_, demand);
    gain_[demand] = std::max(gain, 0.0);
    bound += size_[demand] * gain_[demand];
  }
  if (bound >= bound_) return;
  bound_ = bound;
  bound_price_ = price_;
}

/// About what repair() will find: the value of the flows, less the price of what does not fit.
double Solver::promise() const {
  double value = 0;
  for (std::uint32_t demand = 0; demand < problem_.demands(); ++demand)
    value += problem_.weight()[demand] * (size_[demand] - unsent_[demand]);
  for (std::size_t link = 0; link < problem_.links(); ++link)
    if (load_[link] > capacity_[link]) value -= price_[link] * (load_[link] - capacity_[link]);
  return value;
}

double Solver::room(std::uint32_t path) const {
  double least = std::numeric_limits<double>::infinity();
  for (const auto link : problem_.padded_path(path)) least = std::min(least, fit_room_[link]);
  return least;
}

/// Lowers what runs over links that are too full, each path by its worst link; the value of that.
double Solver::scale_down() {
  for (std::size_t link = 0; link < problem_.links(); ++link)
    part_[link] = load_[link] > capacity_[link] ? capacity_[link] / load_[link] : 1;
  fit_flow_ = flow_;
  fit_unsent_ = size_;
  fit_room_ = capacity_;
  double value = 0;
  for (std::uint32_t demand = 0; demand < problem_.demands(); ++demand)
    for (auto path = problem_.first_path(demand); path < problem_.first_path(demand + 1); ++path) {
      if (flow_[path] == 0) continue;
      double least = 1;
      for (const auto link : problem_.padded_path(path)) least = std::min(least, part_[link]);
      fit_flow_[path] *= least;
      for (const auto link : problem_.padded_path(path)) fit_room_[link] -= fit_flow_[path];
      fit_unsent_[demand] -= fit_flow_[path];
      value += problem_.weight()[demand] * fit_flow_[path];
    }
  return value;
}

/// Gives what room is left to the demands, first to those that would gain most by the prices; the
/// value of that.
double Solver::fill() {
  wishes_.clear();
  const auto collect = [this](bool gaining) {
    for (std::uint32_t demand = 0; demand < problem_.demands(); ++demand)
      if ((gain_[demand] > 0) == gaining && fit_unsent_[demand] > rounding_reserve * size_[demand])
        wishes_.push_back({gain_[demand], demand});
  };
  collect(true);
  std::sort(wishes_.begin(), wishes_.end(), [](const Wish& a, const Wish& b) {
    return a.gain != b.gain ? a.gain > b.gain : a.demand < b.demand;
  });
  collect(false);
  double value = 0;
  for (const auto& wish : wishes_) value += problem_.weight()[wish.demand] * fill(wish.demand);
  return value;
}

/// Gives a demand what room its paths have; how much that was.
double Solver::fill(std::uint32_t demand) {
  const double wanted = fit_unsent_[demand];
  for (auto path = problem_.first_path(demand); path < problem_.first_path(demand + 1); ++path) {
    const double more = std::min(fit_unsent_[demand], room(path));
    if (more <= 0) continue;
    fit_flow_[path] += more;
    fit_unsent_[demand] -= more;
    for (const auto link : problem_.padded_path(path)) fit_room_[link] -= more;
  }
  return wanted - fit_unsent_[demand];
}

/// Makes flows that fit out of those that may not, and keeps the best.
void Solver::repair() {
  const double value = scale_down() + fill();
  if (value <= value_) return;
  value_ = value;
  value_flow_ = fit_flow_;
}

void Solver::start_from(const TotalFlow& start) {
  for (std::size_t link = 0; link < problem_.links(); ++link)
    if (capacity_[link] > 0) multiplier_[link] = start.prices[link];
  price_ = multiplier_;
  for (std::uint32_t demand = 0; demand < problem_.demands(); ++demand)
    for (auto path = problem_.first_path(demand); path < problem_.first_path(demand + 1); ++path) {
      const double flow = std::min(start.flows[path], unsent_[demand]);
      if (flow <= 0 || !std::isfinite(path_price(problem_, price_, path))) continue;
      unsent_[demand] -= flow;
      change(path, flow);
    }
  for (std::uint32_t demand = 0; demand < problem_.demands(); ++demand)
    if (unsent_[demand] <= 4 * rounding_reserve * size_[demand]) unsent_[demand] = 0;
}

TotalFlow Solver::solve(const TotalFlowOptions& options) {
  const double enough = 1 - options.gap + 4 * rounding_reserve;
  const double hopeful = 1 - 1.5 * options.gap;
  std::vector<std::uint32_t> everyone(problem_.demands());
  std::iota(everyone.begin(), everyone.end(), 0U);
  for (std::uint32_t rounds = 0;; ++rounds) {
    evaluate();
    const bool last = rounds == options.rounds_max;
    if (last || promise() >= hopeful * bound_) repair();
    if (last || value_ >= enough * bound_) return result(rounds);
    if (rounds % adapt_every == adapt_every - 1) adapt_stiffness();
    for (int sweeps = 0; sweeps < sweeps_per_round; ++sweeps) {
      // Visiting only who moved before is several times faster, but always doing so runs in
      // circles: the prices go on while the others do not answer. Rare problems do even so; they
      // are given the plain method, whose prices wait for the inner solution.
      const bool patient = rounds >= patient_from;
      if (patient || sweeps % 2 == 0) active_ = everyone;
      if (!patient || sweeps == 0) raise_multipliers();
      sweep();
    }
  }
}

TotalFlow Solver::result(std::uint32_t rounds) const {
  TotalFlow found{.flows = value_flow_, .prices = bound_price_, .rounds = rounds};
  found.prices.pop_back();
  for (auto& flow : found.flows) flow *= 1 - rounding_reserve;
  for (auto& price : found.prices)
    if (!std::isfinite(price)) price = 0;
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
  auto paid = prices;
  paid.push_back(0);
  for (std::size_t link = 0; link < problem.links(); ++link) {
    bound += problem.capacity()[link] * prices[link];
    if (problem.capacity()[link] == 0) paid[link] = std::numeric_limits<double>::infinity();
  }
  // No path has more links than there are, and no sum below more terms.
  const double round_down = 1 - epsilon * static_cast<double>(problem.links() + 8);
  for (std::size_t demand = 0; demand < problem.demands(); ++demand) {
    const double least = least_price(problem, paid, demand);
    const double gain = problem.weight()[demand] - least * round_down;
    if (gain > 0) bound += problem.usable_size(demand) * gain;
  }
  const auto terms = static_cast<double>(problem.links() + problem.demands() + problem.paths() + 8);
  return bound * (1 + epsilon * terms);
}

}  // namespace axs::net
