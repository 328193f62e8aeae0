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
  FoundSets found{std::vector<BundleSet>(1)};
  double later = prices_.gain();
  for (std::uint32_t site = 0; site < sites_.size(); ++site) {
    later -= prices_.gain_at(site);
    found = joined(found, sets_at(site, open, stop), later, open, stop);
  }
  BundleChoice best{.is_best = found.are_all};
  double least = ceiling_;
  for (const BundleSet& set : found.sets) {
    if (set.bundles < demand_.bundles.least || set.money_of(demand_.wanted) > limits_.money)
      continue;
    const double score = set.score_of(demand_.wanted);
    if (score >= least) continue;
    least = best.score = score;
    best.chosen.clear();
    for (const BundleSet::Part& part : set.parts)
      best.chosen.emplace_back(items_[part.item].offer, part.count);
  }
  return best;
}

/// Those that another beats with the same devices, and those that no choice below the ceiling has.
void FrugalProgram::drop_useless_items() {
  const auto beats = [](const BundleItem& a, const BundleItem& b) {
    return a.offer->is_as(*b.offer) && a.most >= b.most && a.score[0] <= b.score[0] &&
           a.micro_batch <= b.micro_batch && a.money <= b.money &&
           a.money_of_micro_batch <= b.money_of_micro_batch && a.power <= b.power &&
           uses_no_more(*a.offer->kind, *b.offer->kind);
  };
  std::vector<BundleItem> kept;
  for (const BundleItem& item : items_)
    if (prices_.bound_with(item) < ceiling_ &&
        std::ranges::none_of(kept, [&](const auto& k) { return beats(k, item); }))
      kept.push_back(item);
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

FoundSets FrugalProgram::joined(const FoundSets& before, const FoundSets& here, double later,
                                std::size_t open, const std::function<bool()>& stop) const {
  FoundSets joined{{}, before.are_all && here.are_all};
  const double most = ceiling_ - prices_.worth() + later;
  for (const BundleSet& a : before.sets) {
    if (stop()) return {};
    for (const BundleSet& b : here.sets)
      if (a.reduced + b.reduced < most && is_allowed(a, b)) joined.sets.push_back(a.with(b));
  }
  joined.are_all &= keep_best_of(joined.sets, open);
  return joined;
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
