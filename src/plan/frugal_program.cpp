#include "axs/plan/frugal_program.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "axs/plan/keep_best.h"
#include "axs/plan/site_sets.h"

namespace axs::plan {

FrugalProgram::FrugalProgram(std::vector<BundleItem> items, const FrugalPrices& prices,
                             const std::vector<SiteRoom>& sites, const StepLimits& limits,
                             const BundleDemand& demand, double ceiling)
    : items_{std::move(items)},
      prices_{prices},
      sites_{sites},
      limits_{limits},
      demand_{demand},
      ceiling_{ceiling} {
  drop_useless_items();
  std::set<std::uint32_t> sites_with_items;
  for (const BundleItem& item : items_) sites_with_items.insert(item.offer->site);
  counts_sites_ = demand_.sites_max < sites_with_items.size();
  std::ranges::sort(items_, {}, [](const BundleItem& item) {
    const Offer& offer = *item.offer;
    return std::tuple{item.micro_batch, item.unit_score(),   offer.devices,
                      offer.site,       offer.bundles.least, &offer};
  });
}

BundleChoice FrugalProgram::best(std::size_t open, const std::function<bool()>& stop) const {
  std::vector<FoundSets> sites;
  std::vector<Rest> rests(1);  // In that order: none after the last site.
  BundleChoice best{.score = ceiling_};
  for (auto site = static_cast<std::uint32_t>(sites_.size()); site-- > 0;) {
    FoundSets here = sets_at(site, open, stop);
    best.is_best &= here.are_all;
    if (here.sets.size() == 1) continue;  // No bundles.
    rests.push_back(rests.back().with(prices_.gain_at(site), here.sets));
    sites.push_back(std::move(here));
  }
  if (sites.empty() || stop()) return best;
  FoundSets found{std::vector<BundleSet>(1)};
  for (std::size_t left = sites.size(); left-- > 1;)
    found = joined(found, sites[left], rests[left], open, stop);
  best.is_best &= found.are_all;
  choose(found, sites.front(), best, stop);
  return best;
}

FrugalProgram::Rest FrugalProgram::Rest::with(double site_gain,
                                              const std::vector<BundleSet>& sets) const {
  double most_done = 0;
  std::uint32_t most_bundles = 0;
  for (const BundleSet& set : sets) {
    most_done = std::max(most_done, set.done);
    most_bundles = std::max(most_bundles, set.bundles);
  }
  return {gain + site_gain, done + most_done, bundles + most_bundles};
}

/// The best of one of each with which nothing is left to do.
void FrugalProgram::choose(const FoundSets& before, const FoundSets& last, BundleChoice& best,
                           const std::function<bool()>& stop) const {
  for (const BundleSet& a : before.sets) {
    if (stop()) return;
    for (const BundleSet& b : last.sets) {
      if (!may_be_below(best.score, a, b, {})) continue;
      const BundleSet set = a.with(b);
      const double score = set.score_of(demand_.wanted);
      if (score >= best.score || set.money_of(demand_.wanted) > limits_.money) continue;
      best.score = score;
      best.chosen.clear();
      for (const BundleSet::Part& part : set.parts)
        best.chosen.emplace_back(items_[part.item].offer, part.count);
    }
  }
}

/// Those that another beats with the same devices, and those that no choice below the ceiling has.
void FrugalProgram::drop_useless_items() {
  const auto beats = [](const BundleItem& a, const BundleItem& b) {
    return a.most >= b.most && a.score[0] <= b.score[0] && a.micro_batch <= b.micro_batch &&
           a.money <= b.money && a.money_of_micro_batch <= b.money_of_micro_batch &&
           a.power <= b.power && uses_no_more(*a.offer->kind, *b.offer->kind);
  };
  std::vector<BundleItem> kept;
  std::ptrdiff_t first = 0;  // Of those that are kept of a site with so many bundles.
  for (const BundleItem& item : items_) {
    if (prices_.bound_with(item) >= ceiling_) continue;
    if (!kept.empty() && !item.offer->is_as(*kept.back().offer)) first = std::ssize(kept);
    if (std::none_of(kept.begin() + first, kept.end(),
                     [&](const BundleItem& other) { return beats(other, item); }))
      kept.push_back(item);
  }
  items_ = std::move(kept);
}

/// One of them: no bundles.
FoundSets FrugalProgram::sets_at(std::uint32_t site, std::size_t open,
                                 const std::function<bool()>& stop) const {
  std::map<std::uint32_t, std::vector<std::uint32_t>> groups;  // By the least number of bundles.
  for (std::uint32_t i = 0; i < items_.size(); ++i)
    if (const Offer& offer = *items_[i].offer; offer.site == site)
      groups[offer.bundles.least].push_back(i);
  const SetLimits limits{ceiling_, limits_.money, std::min(limits_.power, limits_.site_power[site]),
                         open};
  FoundSets found{std::vector<BundleSet>(1)};
  for (const auto& [least, numbers] : groups) {
    FoundSets some =
        SiteSets{sites_[site],   items_, numbers, prices_, prices_.gain() - prices_.gain_at(site),
                 demand_.wanted, limits}
            .all(stop);
    std::ranges::move(some.sets, std::back_inserter(found.sets));
    found.are_all &= some.are_all;
  }
  found.are_all &= keep_best_of(found.sets, open);
  return found;
}

FoundSets FrugalProgram::joined(const FoundSets& before, const FoundSets& here, const Rest& rest,
                                std::size_t open, const std::function<bool()>& stop) const {
  FoundSets joined{{}, before.are_all};
  for (const BundleSet& a : before.sets) {
    if (stop()) return {};
    for (const BundleSet& b : here.sets)
      if (may_be_below(ceiling_, a, b, rest)) joined.sets.push_back(a.with(b));
  }
  joined.are_all &= keep_best_of(joined.sets, open);
  return joined;
}

/// Both together, with what sites can have that are still to come.
bool FrugalProgram::may_be_below(double score, const BundleSet& a, const BundleSet& b,
                                 const Rest& rest) const {
  return a.reduced + b.reduced < score - prices_.worth() + rest.gain &&
         a.done + b.done + rest.done >= demand_.wanted &&
         a.bundles + b.bundles + rest.bundles >= demand_.bundles.least && is_allowed(a, b);
}

bool FrugalProgram::keep_best_of(std::vector<BundleSet>& sets, std::size_t open) const {
  const bool are_counted = demand_.bundles.is_one();
  return keep_best(
      sets, open, [](const BundleSet& set) { return set.reduced; },
      [&](const BundleSet& set) { return are_counted ? set.bundles : 0; },
      [&](const BundleSet& a, const BundleSet& b) { return beats(a, b); });
}

/// Each bundle has a micro-batch at least.
bool FrugalProgram::is_allowed(const BundleSet& a, const BundleSet& b) const {
  const std::uint32_t bundles = a.bundles + b.bundles;
  return bundles <= demand_.bundles.most && bundles <= demand_.wanted &&
         a.sites + b.sites <= demand_.sites_max && a.money + b.money <= limits_.money &&
         a.power + b.power <= limits_.power;
}

bool FrugalProgram::beats(const BundleSet& a, const BundleSet& b) const {
  const bool as_many = demand_.bundles.is_one() ? a.bundles == b.bundles : a.bundles <= b.bundles;
  return as_many && (!counts_sites_ || a.sites <= b.sites) &&
         (limits_.money >= endless || a.costs_no_more_than(b, demand_.wanted)) &&
         (limits_.power.value() >= endless || a.power <= b.power) &&
         a.is_never_dearer_than(b, demand_.wanted);
}

}  // namespace axs::plan
