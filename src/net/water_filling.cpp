#include "axs/net/water_filling.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "axs/core/assert.h"

namespace axs::net {
namespace {

/// A variable that falls slower than this part of the fastest stops nobody.
constexpr double fall_least = 1e-9;
/// Steps that differ by less than this part are equal.
constexpr double tie = 1e-9;
/// A price below this part of the greatest is rounding.
constexpr double price_error = 1e-10;
/// Demands that pay less than this part of what another pays are not yet taken for blocked. If they
/// are, the next level is no higher, and there they pay more: a better proof.
constexpr double price_blocking = 1e-3;
constexpr std::size_t demands_at_once = 128;  ///< Looked at for an entering path.
constexpr std::uint32_t pivots_per_inverse = 200;

}  // namespace

WaterFilling::WaterFilling(const FlowProblem& problem, std::span<const double> capacity,
                           TrafficClass traffic)
    : problem_{problem},
      traffic_{traffic},
      links_{static_cast<Index>(problem.links())},
      path_count_{static_cast<Index>(problem.paths())},
      capacity_(capacity.begin(), capacity.end()),
      demand_of_(path_count_, none),
      key_(problem.demands(), none),
      fixed_(problem.demands()),
      rising_(problem.demands()),
      inverse_(std::size_t{links_} * links_),
      slot_of_(links_, none),
      basic_(links_),
      value_(links_),
      row_of_(path_count_ + links_ + 1, none),
      sum_value_(problem.demands()),
      sum_fall_(problem.demands()) {
  for (const double rate : capacity_) unit_ = std::max(unit_, rate);
  for (auto& rate : capacity_) rate /= unit_;
  for (Index demand = 0; demand < problem.demands(); ++demand) {
    if (problem.traffic(demand) != traffic || problem.size()[demand] == 0) continue;
    for (auto path = problem.first_path(demand + 1); path-- > problem.first_path(demand);) {
      if (!open(path)) continue;
      demand_of_[path] = demand;
      key_[demand] = path;
    }
    if (key_[demand] != none) members_.push_back(demand);
  }
  by_limit_ = members_;
  std::sort(by_limit_.begin(), by_limit_.end(), [&](Index a, Index b) {
    const double limit_a = problem.size()[a] / problem.weight()[a];
    const double limit_b = problem.size()[b] / problem.weight()[b];
    return limit_a != limit_b ? limit_a < limit_b : a < b;
  });
  for (const auto demand : members_) rising_[demand] = 1;
  for (Index link = 0; link < links_; ++link) {
    basic_[link] = slack(link);
    row_of_[slack(link)] = link;
    value_[link] = capacity_[link];
  }
}

bool WaterFilling::open(Index path) const {
  const auto links = problem_.path(path);
  return std::all_of(links.begin(), links.end(),
                     [this](Index link) { return capacity_[link] > 0; });
}

double WaterFilling::rate(Index demand) const {
  return rising_[demand] ? problem_.weight()[demand] * level() : fixed_[demand];
}

double WaterFilling::price(std::span<const double> prices, Index path) const {
  double sum = 0;
  for (const auto link : problem_.path(path)) sum += prices[link];
  return sum;
}

/// The level at which the next demand has all it wants.
double WaterFilling::limit() {
  while (satisfied_ < by_limit_.size() && !rising_[by_limit_[satisfied_]]) ++satisfied_;
  if (satisfied_ == by_limit_.size()) return std::numeric_limits<double>::infinity();
  const auto demand = by_limit_[satisfied_];
  return problem_.size()[demand] / unit_ / problem_.weight()[demand];
}

/// Whether nobody rises any more. It also gives up after far more pivots than were ever seen to be
/// needed; what then still rises has no proof, which max_min_doubt() shows.
bool WaterFilling::finished() {
  return limit() == std::numeric_limits<double>::infinity() || pivots_ >= 1000 * (links_ + 10);
}

/// Ends the rise of those that have all they want at the present level.
void WaterFilling::satisfy() {
  const double reached = level();
  while (limit() <= reached) {
    const auto demand = by_limit_[satisfied_];
    rising_[demand] = 0;
    fixed_[demand] = problem_.size()[demand] / unit_;
  }
}

/// Raises the level as far as it goes.
void WaterFilling::raise() {
  while (!finished()) {
    const auto entering = choose_entering();
    if (entering == none && pivots_ == inverted_at_) return;
    if (entering == none) {
      invert_again();
      continue;
    }
    auto way = direction(entering);
    step(way, first_stop(way));
  }
}

/// By link: how much the level rises with the capacity.
std::vector<double> WaterFilling::level_prices() {
  std::vector<double> prices(links_);
  const auto by_slot = row(level_row_);
  for (std::size_t slot = 0; slot < by_slot.size(); ++slot) prices[tight_[slot]] = by_slot[slot];
  return prices;
}

/// The level itself, or the path or slack that frees most of what holds the level; `none` if
/// nothing does.
WaterFilling::Variable WaterFilling::choose_entering() {
  if (level_row_ == none) return level_variable();
  const auto prices = level_prices();
  double greatest = 0;
  for (const double value : prices) greatest = std::max(greatest, std::fabs(value));
  double best = price_error * greatest;
  Variable entering = none;
  for (const auto link : tight_)
    if (-prices[link] > best) {
      best = -prices[link];
      entering = slack(link);
    }
  // Looking at some demands until one has something to offer is far cheaper than at all of them.
  for (std::size_t looked = 0; looked < members_.size(); ++looked) {
    if (entering != none && looked % demands_at_once == 0) break;
    next_ = next_ + 1 < members_.size() ? next_ + 1 : 0;
    const auto demand = members_[next_];
    const double key_price = price(prices, key_[demand]);
    if (key_price <= best) continue;
    for (auto path = problem_.first_path(demand); path < problem_.first_path(demand + 1); ++path) {
      if (demand_of_[path] == none || row_of_[path] != none) continue;
      const double saved = key_price - price(prices, path);
      if (saved <= best) continue;
      best = saved;
      entering = path;
    }
  }
  return entering;
}

WaterFilling::Direction WaterFilling::direction(Variable entering) {
  std::vector<double> column(links_);
  const auto add = [&](Index path, double factor) {
    for (const auto link : problem_.path(path)) column[link] += factor;
  };
  if (entering == level_variable()) {
    for (const auto demand : members_)
      if (rising_[demand]) add(key_[demand], problem_.weight()[demand]);
  } else if (entering >= path_count_) {
    column[entering - path_count_] = 1;
  } else {
    add(entering, 1);
    add(key_[demand_of_[entering]], -1);
  }
  Direction way{.entering = entering, .fall = std::vector<double>(links_)};
  std::vector<Index> used;
  for (Index link = 0; link < links_; ++link)
    if (column[link] != 0) {
      if (slot_of_[link] != none)
        used.push_back(link);
      else
        way.fall[row_of_[slack(link)]] += column[link];
    }
  for (Index i = 0; i < links_; ++i) {
    const auto inverse = row(i);
    for (const auto link : used) way.fall[i] += inverse[slot_of_[link]] * column[link];
  }
  way.level = entering == level_variable() ? -1 : level_row_ == none ? 0 : way.fall[level_row_];
  return way;
}

void WaterFilling::add_up_basic_paths(const Direction& way) {
  for (const auto demand : touched_) sum_value_[demand] = sum_fall_[demand] = 0;
  touched_.clear();
  const auto add = [this](Variable path, double value, double fall) {
    const auto demand = demand_of_[path];
    touched_.push_back(demand);
    sum_value_[demand] += value;
    sum_fall_[demand] += fall;
  };
  for (Index i = 0; i < links_; ++i)
    if (basic_[i] < path_count_) add(basic_[i], value_[i], way.fall[i]);
  if (way.entering < path_count_) add(way.entering, 0, -1);
}

/// Who comes to 0 first; among those within rounding of each other the one that falls fastest
/// (Harris 1973).
WaterFilling::Leaving WaterFilling::first_stop(const Direction& way) {
  add_up_basic_paths(way);
  Leaving stop;
  double fastest = 0;
  for (const double fall : way.fall) fastest = std::max(fastest, std::fabs(fall));
  const double least = fall_least * fastest;
  double nearest = std::numeric_limits<double>::infinity();
  const auto for_each = [&](auto&& visit) {
    for (Index i = 0; i < links_; ++i)
      if (way.fall[i] > least && i != level_row_) visit(value_[i], way.fall[i], i, none);
    for (const auto demand : touched_) {
      const double weight = rising_[demand] ? problem_.weight()[demand] : 0;
      const double fall = weight * way.level - sum_fall_[demand];
      if (fall > least) visit(rate(demand) - sum_value_[demand], fall, none, demand);
    }
  };
  for_each([&](double value, double fall, Index, Index) {
    nearest = std::min(nearest, std::max(value, 0.0) / fall);
  });
  for_each([&](double value, double fall, Index i, Index demand) {
    if (value <= nearest * (1 + tie) * fall && fall > stop.fall)
      stop = {.step = std::max(value, 0.0) / fall, .fall = fall, .row = i, .demand = demand};
  });
  if (way.level < 0) {
    const double most = std::max(0.0, (limit() - level()) / -way.level);
    if (most <= stop.step) return {.step = most, .fall = way.level};
  }
  return stop;
}

void WaterFilling::step(Direction& way, const Leaving& stop_at) {
  auto stop = stop_at;
  ++pivots_;
  AXS_ASSERT(std::isfinite(stop.step));
  for (Index i = 0; i < links_; ++i) value_[i] -= stop.step * way.fall[i];
  const double start = way.entering == level_variable() ? level_ : 0;
  if (way.entering == level_variable()) level_ += stop.step;
  if (stop.row == none && stop.demand == none) {
    if (level_row_ != none) {
      level_ = value_[level_row_];
      stop.row = level_row_;
    }
    if (limit() - level() <= tie * limit()) level_ = limit();
  }
  if (stop.demand != none) {
    exchange_key(way, stop);
    if (stop.row == none) replace_key(way, stop);
  }
  if (stop.row != none) {
    replace_row(way, stop.row);
    value_[stop.row] = start + stop.step;
  }
  if (level_row_ == none) satisfy();
  if (pivots_ >= inverted_at_ + pivots_per_inverse) invert_again();
}

/// Makes a basic path of the demand its key, if it has one, and puts the old key, which leaves, in
/// that one's row.
void WaterFilling::exchange_key(Direction& way, Leaving& stop) {
  const auto demand = stop.demand;
  Index chosen = none;
  for (auto path = problem_.first_path(demand); path < problem_.first_path(demand + 1); ++path)
    if (row_of_[path] != none && (chosen == none || value_[row_of_[path]] > value_[chosen]))
      chosen = row_of_[path];
  if (chosen == none) return;
  for (auto& entry : row(chosen)) entry = -entry;
  for (auto path = problem_.first_path(demand); path < problem_.first_path(demand + 1); ++path)
    if (row_of_[path] != none && row_of_[path] != chosen) add_to_row(chosen, row_of_[path], -1);
  if (rising_[demand] && level_row_ != none)
    add_to_row(chosen, level_row_, problem_.weight()[demand]);
  const auto path = basic_[chosen];
  row_of_[path] = none;
  row_of_[key_[demand]] = chosen;
  basic_[chosen] = key_[demand];
  key_[demand] = path;
  way.fall[chosen] = stop.fall;
  stop.row = chosen;
}

/// The key path leaves, and the entering path, which is of the same demand, becomes key.
void WaterFilling::replace_key(Direction& way, const Leaving& stop) {
  key_[stop.demand] = way.entering;
  if (!rising_[stop.demand] || level_row_ == none) return;
  const auto level_row = row(level_row_);
  const std::vector<double> leaving(level_row.begin(), level_row.end());
  const double factor = problem_.weight()[stop.demand] / stop.fall;
  for (Index i = 0; i < links_; ++i) {
    if (way.fall[i] == 0) continue;
    const auto inverse = row(i);
    for (std::size_t slot = 0; slot < leaving.size(); ++slot)
      inverse[slot] -= way.fall[i] * factor * leaving[slot];
  }
}

void WaterFilling::add_to_row(Index to, Index from, double factor) {
  const auto target = row(to);
  const auto source = row(from);
  for (std::size_t slot = 0; slot < target.size(); ++slot) target[slot] += factor * source[slot];
}

/// Gives a link a column, because its slack leaves the row.
void WaterFilling::tighten(Index link, Index leaving) {
  slot_of_[link] = static_cast<Index>(tight_.size());
  tight_.push_back(link);
  for (Index i = 0; i < links_; ++i) row(i)[slot_of_[link]] = i == leaving ? 1 : 0;
}

/// Takes its column from a link, because its slack has entered; the last column moves there.
void WaterFilling::loosen(Index link) {
  const auto slot = slot_of_[link];
  for (Index i = 0; i < links_; ++i) row(i)[slot] = row(i).back();
  slot_of_[tight_.back()] = slot;
  tight_[slot] = tight_.back();
  tight_.pop_back();
  slot_of_[link] = none;
}

/// The entering variable takes the row: the inverse of the new basis.
void WaterFilling::replace_row(const Direction& way, Index leaving) {
  const auto left = basic_[leaving];
  row_of_[left] = none;
  if (left == level_variable())
    level_row_ = none;
  else if (left >= path_count_)
    tighten(left - path_count_, leaving);
  basic_[leaving] = way.entering;
  row_of_[way.entering] = leaving;
  for (auto& entry : row(leaving)) entry /= way.fall[leaving];
  for (Index i = 0; i < links_; ++i)
    if (i != leaving && way.fall[i] != 0) add_to_row(i, leaving, -way.fall[i]);
  if (way.entering == level_variable())
    level_row_ = leaving;
  else if (way.entering >= path_count_)
    loosen(way.entering - path_count_);
}

/// Builds the inverse anew, since every pivot adds rounding errors to it.
void WaterFilling::invert_again() {
  inverted_at_ = pivots_;
  const auto old = basic_;
  const auto tight = std::exchange(tight_, {});
  for (const auto link : tight) slot_of_[link] = none;
  for (const auto variable : old) row_of_[variable] = none;
  level_row_ = none;
  for (Index link = 0; link < links_; ++link) {
    basic_[link] = slack(link);
    row_of_[slack(link)] = link;
  }
  std::vector<char> waiting(links_);
  for (const auto link : tight) waiting[link] = 1;
  for (const auto variable : old) {
    if (variable >= path_count_ && variable != level_variable()) continue;
    const auto way = direction(variable);
    Index best = none;
    for (const auto link : tight)
      if (waiting[link] && (best == none || std::fabs(way.fall[link]) > std::fabs(way.fall[best])))
        best = link;
    AXS_ASSERT(best != none);
    waiting[best] = 0;
    replace_row(way, best);
  }
  compute_values();
}

/// The basic variables from the capacities.
void WaterFilling::compute_values() {
  std::vector<double> left = capacity_;
  for (const auto demand : members_) {
    double fixed = fixed_[demand];
    if (rising_[demand]) fixed = level_row_ == none ? problem_.weight()[demand] * level_ : 0;
    for (const auto link : problem_.path(key_[demand])) left[link] -= fixed;
  }
  for (Index i = 0; i < links_; ++i) {
    const auto inverse = row(i);
    value_[i] = basic_[i] >= path_count_ && basic_[i] != level_variable()
                    ? left[basic_[i] - path_count_]
                    : 0;
    for (std::size_t slot = 0; slot < tight_.size(); ++slot)
      value_[i] += inverse[slot] * left[tight_[slot]];
  }
}

/// Records the level and ends the rise of the demands that it blocks.
void WaterFilling::freeze(MaxMinFlow& found) {
  const auto prices = level_prices();
  MaxMinLevel reached{.traffic = traffic_, .rate = level() * unit_, .prices = {}};
  double greatest = 0;
  for (const double value : prices) greatest = std::max(greatest, value);
  for (Index link = 0; link < links_; ++link)
    if (prices[link] > price_error * greatest) reached.prices.push_back({link, prices[link]});
  const double rate_now = level();
  double most_paid = 0;
  std::vector<std::pair<double, Index>> paid;
  for (const auto demand : members_) {
    if (!rising_[demand]) continue;
    paid.emplace_back(problem_.weight()[demand] * price(prices, key_[demand]), demand);
    most_paid = std::max(most_paid, paid.back().first);
  }
  leave_level();
  for (const auto& [pays, demand] : paid) {
    if (pays <= price_blocking * most_paid) continue;
    rising_[demand] = 0;
    fixed_[demand] = problem_.weight()[demand] * rate_now;
    found.level_of[demand] = static_cast<Index>(found.levels.size());
  }
  found.levels.push_back(std::move(reached));
}

/// Takes the level out of the basis where it stands: the slack of its dearest link takes its row.
void WaterFilling::leave_level() {
  const auto prices = level_prices();
  const auto dearest = std::max_element(prices.begin(), prices.end()) - prices.begin();
  level_ = level();
  const auto taken = level_row_;
  replace_row(direction(slack(static_cast<Index>(dearest))), taken);
  value_[taken] = 0;
}

/// Demands without an open path have a level of their own, 0, whose proof needs no price.
void WaterFilling::block_closed(MaxMinFlow& found) const {
  bool any = false;
  for (Index demand = 0; demand < problem_.demands(); ++demand) {
    if (problem_.traffic(demand) != traffic_ || problem_.size()[demand] == 0) continue;
    if (key_[demand] != none) continue;
    found.level_of[demand] = static_cast<Index>(found.levels.size());
    any = true;
  }
  if (any) found.levels.push_back({.traffic = traffic_, .rate = 0, .prices = {}});
}

void WaterFilling::run(MaxMinFlow& found) {
  block_closed(found);
  while (!finished()) {
    raise();
    if (level_row_ != none) freeze(found);
  }
  for (const auto demand : members_) {
    double rest = rate(demand);
    for (auto path = problem_.first_path(demand); path < problem_.first_path(demand + 1); ++path) {
      if (row_of_[path] == none) continue;
      found.flows[path] = std::max(0.0, value_[row_of_[path]]) * unit_;
      rest -= value_[row_of_[path]];
    }
    found.flows[key_[demand]] = std::max(0.0, rest) * unit_;
  }
  found.pivots += pivots_;
}

}  // namespace axs::net
