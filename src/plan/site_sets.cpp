#include "axs/plan/site_sets.h"

#include <algorithm>

#include "axs/plan/keep_best.h"
#include "axs/plan/site_options.h"

namespace axs::plan {

SiteSets::SiteSets(const SiteRoom& room, const std::vector<BundleItem>& items,
                   const std::vector<std::uint32_t>& numbers, const FrugalPrices& prices,
                   double others, double wanted, const SetLimits& limits)
    : room_{room},
      items_{items},
      numbers_{numbers},
      prices_{prices},
      group_{prices.group_of(*items[numbers.front()].offer)},
      others_{others},
      wanted_{wanted},
      limits_{limits},
      least_(numbers.size() + 1, endless) {
  for (std::size_t i = numbers_.size(); i-- > 0;)
    least_[i] = std::min(least_[i + 1], prices_.score_of(items_[numbers_[i]])[0]);
}

FoundSets SiteSets::all(const std::function<bool()>& stop) const {
  FoundSets found;
  std::vector<Open> open(1);
  open.front().set.sites = 1;
  std::ranges::copy(room_, open.front().left.begin());
  for (std::size_t i = 0; i < numbers_.size(); ++i) {
    if (stop()) return found;
    open = with_some(open, i);
    found.are_all &= keep_best(
        open, limits_.open, [&](const Open& one) { return least_score(one, i + 1); },
        [](const Open& one) { return one.set.bundles; },
        [&](const Open& a, const Open& b) { return beats(a, b); });
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
    for (std::uint32_t count = first; add(grown, next, count); count = 1)
      if (!is_hopeless(grown, next + 1)) more.push_back(grown);
  }
  return more;
}

/// Then each has all bundles that there are.
bool SiteSets::are_all_alike() const {
  return group_.bundles.least > bundles_with_an_odd_one && group_.pools.size() == 1 &&
         group_.pools.front().type != FrugalPrices::mixed;
}

/// More bundles of the next item. False: they are too many, or exceed a limit.
bool SiteSets::add(Open& open, std::size_t next, std::uint32_t count) const {
  const BundleItem& item = items_[numbers_[next]];
  if (open.set.bundles + count > group_.most) return false;
  for (const TypeUse& use : item.offer->kind->uses) {
    std::uint32_t& here = open.in_pool[use.type];
    here += count;
    if (here > bundles_with_an_odd_one && here > open.set.count_of(numbers_[next]) + count)
      return false;
    if (!open.left[use.type].take(use, count)) return false;
  }
  open.set.add(numbers_[next], item, count, prices_.score_of(item)[0] - prices_.prices().bundle);
  return open.set.money <= limits_.money && open.set.power <= limits_.power;
}

bool SiteSets::beats(const Open& a, const Open& b) const {
  if (a.set.power > b.set.power) return false;
  if (limits_.money < endless && !a.set.costs_no_more_than(b.set, wanted_)) return false;
  for (std::size_t type = 0; type < room_.size(); ++type)
    if (a.in_pool[type] > b.in_pool[type] || !a.left[type].has_all_of(b.left[type])) return false;
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
  if (next == numbers_.size()) return missing > 0 ? -endless : 0;
  const double each = prices_.prices().bundle - least_[next];
  if (each <= 0) return missing * each;
  double by_devices = 0;
  for (const FrugalPrices::Pool& pool : group_.pools)
    if (pool.gain[0] > 0)
      by_devices += pool.gain[0] * FrugalPrices::devices_of(open.left, pool.type);
  return std::min((group_.most - here) * each, by_devices);
}

}  // namespace axs::plan
