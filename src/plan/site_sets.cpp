#include "axs/plan/site_sets.h"

#include <algorithm>
#include <tuple>

#include "axs/plan/keep_best.h"
#include "axs/plan/rounding.h"
#include "axs/plan/site_options.h"

namespace axs::plan {

SiteSets::SiteSets(const SiteRoom& room, const std::vector<BundleItem>& items,
                   const std::vector<std::uint32_t>& numbers, const FrugalPrices& prices,
                   double others, double wanted, const SetLimits& limits)
    : room_{room},
      items_{items},
      prices_{prices},
      group_{prices.group_of(*items[numbers.front()].offer)},
      others_{others},
      wanted_{wanted},
      limits_{limits},
      order_{in_order(numbers)},
      later_(order_.size() + 1) {
  list_later();
}

/// Those that gain most by a device first, so that the others are seldom worth adding.
std::vector<SiteSets::Next> SiteSets::in_order(const std::vector<std::uint32_t>& numbers) const {
  std::vector<Next> order;
  for (const std::uint32_t number : numbers) {
    const double reduced = prices_.score_of(items_[number])[0];
    const double gain = prices_.prices().bundle - reduced;
    order.push_back({number, reduced, gain / items_[number].offer->devices});
  }
  std::ranges::sort(order, {}, [&](const Next& next) {
    return std::tuple{items_[next.number].offer->kind->uses.front().type, -next.gain, next.number};
  });
  return order;
}

void SiteSets::list_later() {
  for (std::size_t i = order_.size(); i-- > 0;) {
    Later& later = later_[i] = later_[i + 1];
    const ReplicaKind& kind = *items_[order_[i].number].offer->kind;
    later.least = std::min(later.least, order_[i].reduced);
    for (const TypeUse& use : kind.uses) {
      later.devices[use.type] = std::max<double>(later.devices[use.type], use.devices);
      later.devices_per_watt[use.type] = std::max(
          later.devices_per_watt[use.type], use.devices / items_[order_[i].number].power.value());
    }
    double& most = kind.uses.size() > 1 ? later.gain_of_mixed : later.gain[kind.uses[0].type];
    most = std::max(most, order_[i].gain);
  }
}

FoundSets SiteSets::all(const std::function<bool()>& stop) const {
  FoundSets found;
  std::vector<Open> open(1);
  open.front().set.sites = 1;
  std::ranges::copy(room_, open.front().left.begin());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    if (stop()) return found;
    open = with_some(open, i);
    found.are_all &= keep_best(
        open, limits_.open, [&](const Open& one) { return least_score(one, i + 1); },
        [](const Open& one) { return one.set.bundles; },
        [&](const Open& a, const Open& b) { return beats(a, b, i + 1); });
  }
  for (Open& one : open)
    if (one.set.bundles >= group_.bundles.least) found.sets.push_back(std::move(one.set));
  return found;
}

/// Those that are open, with none, one or more bundles of the next item besides.
std::vector<SiteSets::Open> SiteSets::with_some(const std::vector<Open>& open,
                                                std::size_t next) const {
  std::vector<Open> more;
  const std::uint32_t first = are_all_alike() ? group_.bundles.least : 1;
  for (const Open& one : open) {
    if (!is_hopeless(one, next + 1)) more.push_back(one);
    Open grown = one;
    for (std::uint32_t count = first; add(grown, order_[next], count); count = 1)
      if (!is_hopeless(grown, next + 1)) more.push_back(grown);
  }
  return more;
}

/// Then each has all bundles that there are.
bool SiteSets::are_all_alike() const {
  return group_.bundles.least > bundles_with_an_odd_one && group_.pools.size() == 1 &&
         group_.pools.front().type != mixed_pool;
}

/// More bundles of the next item. False: they are too many, or exceed a limit.
bool SiteSets::add(Open& open, const Next& next, std::uint32_t count) const {
  const BundleItem& item = items_[next.number];
  if (open.set.bundles + count > group_.most) return false;
  for (const TypeUse& use : item.offer->kind->uses) {
    std::uint32_t& here = open.in_pool[use.type];
    here += count;
    if (here > bundles_with_an_odd_one && here > open.set.count_of(next.number) + count)
      return false;
    if (!open.left[use.type].take(use, count)) return false;
  }
  open.set.add(next.number, item, count, next.reduced - prices_.prices().bundle);
  return open.set.money <= limits_.money && open.set.power <= limits_.power;
}

double SiteSets::devices(const BundleSet& set, const Later& later, std::size_t type) const {
  const double watts = (limits_.power - set.power).value();
  return std::min((group_.most - set.bundles) * later.devices[type],
                  watts * later.devices_per_watt[type] * (1 + rounding));
}

/// What is left of a type counts as far as something may still use it. What fails soonest first.
bool SiteSets::beats(const Open& a, const Open& b, std::size_t next) const {
  if (a.set.done < std::min(b.set.done, wanted_)) return false;
  if (limits_.power.value() < endless && a.set.power > b.set.power) return false;
  if (limits_.money < endless && !a.set.costs_no_more_than(b.set, wanted_)) return false;
  const bool counts_bundles = group_.most > bundles_with_an_odd_one;
  for (std::size_t type = 0; type < room_.size(); ++type) {
    if (later_[next].devices[type] <= 0) continue;
    if (counts_bundles && a.in_pool[type] > b.in_pool[type]) return false;
    if (!a.left[type].has_all_of(b.left[type], devices(b.set, later_[next], type))) return false;
  }
  return a.set.is_never_dearer_than(b.set, wanted_);
}

bool SiteSets::is_hopeless(const Open& open, std::size_t next) const {
  return least_score(open, next) >= limits_.score;
}

double SiteSets::least_score(const Open& open, std::size_t next) const {
  return prices_.worth() - others_ + open.set.reduced - gain(open, next);
}

/// Each of the bundles that are still to come gains no more than the best of the items that are
/// left, and all of them no more than the devices that are left.
double SiteSets::gain(const Open& open, std::size_t next) const {
  const std::uint32_t here = open.set.bundles;
  const std::uint32_t missing = group_.bundles.least - std::min(here, group_.bundles.least);
  if (next == order_.size()) return missing > 0 ? -endless : 0;
  const Later& later = later_[next];
  const double each = prices_.prices().bundle - later.least;
  if (each <= 0) return missing * each;
  double by_devices = 0;
  for (std::size_t type = 0; type < room_.size(); ++type)
    by_devices += std::max(later.gain[type], later.gain_of_mixed) * open.left[type].devices();
  return std::min((group_.most - here) * each, by_devices);
}

}  // namespace axs::plan
