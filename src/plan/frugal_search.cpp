#include "axs/plan/frugal_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "axs/plan/plan_cost.h"

namespace axs::plan {

namespace {

/// Of a search, what finds out in which order to look.
constexpr double share_of_bounds = 0.2;

/// Of what is faster than the plan that is known.
Seconds at_most(const TrainingPlan& known) {
  return known.duration / (1 + FrugalChoice::close_enough);
}

/// Looks for plans that keep the limit of time. As long as the unit has a faster one, the time
/// between `shortest` and what is known is halved.
void speed_up(FrugalUnit& unit, Seconds shortest, FrugalWish& wish) {
  FrugalWish next{wish.limits, Which::any, wish.score, {}, wish.open};
  bool has_some = false;  // Most units have nothing better than what others have.
  while (next.limits.duration > shortest) {
    unit.look(next);
    if (next.plan) {
      wish.plan = std::exchange(next.plan, std::nullopt);
      wish.limits.duration = at_most(*wish.plan);
      has_some = true;
    } else {
      wish.is_best = next.is_best;
      if (!has_some) return;
      shortest = next.limits.duration;
    }
    const double product = shortest.value() * wish.plan->duration.value();
    next.limits.duration = std::min(wish.limits.duration, Seconds{std::sqrt(product)});
    next.score = wish.score;
    next.is_best = true;
  }
}

}  // namespace

std::size_t first_in_turn(std::size_t count, const Trial& trial) {
  for (std::size_t number = 0; number < count; ++number)
    if (trial(number, [] { return false; })) return number;
  return count;
}

/// Of a step that keeps a limit of what it shall take little of; what is searched for scores less.
double FrugalSearch::highest_score(Thrift thrift, const ThriftLimits& limits) const {
  constexpr double more = 1 + 2 * FrugalChoice::close_enough;
  if (thrift == Thrift::power && limits.power.value() < endless) return more * limits.power.value();
  if (thrift == Thrift::money && limits.money.value() < endless)
    return more * limits.money.value() / steps(search_.job());
  return endless;
}

std::optional<TrainingPlan> FrugalSearch::best(Thrift thrift, const ThriftLimits& limits,
                                               const std::vector<TrainingPlan>& known,
                                               const Watch& watch) const {
  FrugalWish wish{limits, Which::least, highest_score(thrift, limits)};
  for (const TrainingPlan& plan : known) {
    if (!is_within(plan, limits, fleet()) || step_score(plan, thrift, search_.job()) >= wish.score)
      continue;
    wish.score = step_score(plan, thrift, search_.job());
    wish.plan = plan;
  }
  look(thrift, [](FrugalUnit& unit, FrugalWish& wanted) { unit.look(wanted); }, watch, wish);
  return std::move(wish.plan);
}

std::optional<TrainingPlan> FrugalSearch::fastest(Thrift thrift, const ThriftLimits& limits,
                                                  const std::vector<TrainingPlan>& known,
                                                  Seconds shortest, const Watch& watch) const {
  FrugalWish wish{limits, Which::least, highest_score(thrift, limits)};
  for (const TrainingPlan& plan : known)
    if (is_within(plan, limits, fleet()) && (!wish.plan || plan.duration < wish.plan->duration))
      wish.plan = plan;
  const Look faster = [shortest](FrugalUnit& unit, FrugalWish& wanted) {
    speed_up(unit, shortest, wanted);
  };
  // The less time there is, the sooner it is seen what has no plan.
  constexpr double longer = 4, longest = 1e6;
  Seconds duration = wish.plan ? at_most(*wish.plan) : longer * shortest;
  for (;;) {
    wish.limits.duration = std::min(limits.duration, duration);
    look(thrift, faster, watch, wish);
    if (wish.plan || duration >= limits.duration) return std::move(wish.plan);
    duration = longer * duration;
    if (duration >= longest * shortest) duration = limits.duration;
  }
}

/// With few sets of bundles at a time first, then with more where that were too few.
void FrugalSearch::look(Thrift thrift, const Look& look, const Watch& watch,
                        FrugalWish& wish) const {
  auto units = promising(thrift, wish, watch);
  double done = share_of_bounds;
  for (const auto& [open, share] : {std::pair{64u, 0.3}, std::pair{1024u, 0.5}}) {
    wish.open = open;
    units = unproven(thrift, units, {done, done + share}, look, watch, wish);
    done += share;
  }
}

/// Of the units those that may have a better plan than what is found. After one that has a better
/// plan the others are looked at anew, for what is better still.
FrugalSearch::Promising FrugalSearch::unproven(Thrift thrift, const Promising& units,
                                               std::array<double, 2> shares, const Look& look,
                                               const Watch& watch, FrugalWish& wish) const {
  Promising left;
  std::vector<FrugalWish> tried(units.size());
  for (std::size_t begin = 0; begin < units.size();) {
    const auto look_at = [&](std::size_t i, const Stop& stop) {
      const auto& [bound, number] = units[i];
      FrugalWish& mine = tried[i] = {wish.limits, wish.which, wish.score, {}, wish.open};
      if (bound >= mine.target()) return false;
      const double share = static_cast<double>(i) / static_cast<double>(units.size());
      FrugalUnit unit{search_, number, thrift, wish.limits.duration, [&] {
                        return stop() || !watch(shares[0] + share * (shares[1] - shares[0]));
                      }};
      look(unit, mine);
      return mine.plan.has_value();
    };
    const std::size_t found = begin + first_of_(units.size() - begin, [&](auto i, auto& stop) {
                                return look_at(begin + i, stop);
                              });
    const std::size_t end = std::min(found + 1, units.size());
    for (std::size_t i = begin; i < end; ++i)
      if (!tried[i].is_best) left.push_back(units[i]);
    if (found < end) wish = std::move(tried[found]);
    begin = end;
  }
  return left;
}

/// Without those that are no better than what is known.
FrugalSearch::Promising FrugalSearch::promising(Thrift thrift, const FrugalWish& wish,
                                                const Watch& watch) const {
  std::vector<double> bounds(search_.units(), endless);
  first_of_(bounds.size(), [&](std::size_t number, const Stop& stop) {
    const double share = static_cast<double>(number) / static_cast<double>(bounds.size());
    FrugalUnit unit{search_, number, thrift, wish.limits.duration,
                    [&] { return stop() || !watch(share_of_bounds * share); }};
    bounds[number] = unit.bound(wish);
    return false;
  });
  Promising units;
  for (std::size_t number = 0; number < bounds.size(); ++number)
    if (bounds[number] < wish.target()) units.emplace_back(bounds[number], number);
  std::ranges::sort(units);
  return units;
}

}  // namespace axs::plan
