#include "axs/plan/frugal_program.h"

#include <algorithm>
#include <map>
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
  std::ranges::sort(items_, {}, [](const BundleItem& item) {
    return std::tuple{item.micro_batch, item.unit_score(), item.offer->kind->devices(), item.offer};
  });
}

std::optional<BundleChoice> FrugalProgram::best() const {
  std::vector<BundleSet> sets(1);
  double later = prices_.gain();
  for (std::uint32_t site = 0; site < sites_.size(); ++site) {
    later -= prices_.gain_at(site);
    sets = joined(sets, sets_at(site), later);
  }
  const BundleSet* best = nullptr;
  double least = ceiling_;
  for (const BundleSet& set : sets) {
    if (set.bundles < demand_.bundles.least || money_of(set) > limits_.money) continue;
    const double score = set.score_of(demand_.wanted);
    if (score >= least) continue;
    least = score;
    best = &set;
  }
  return best == nullptr ? std::nullopt : std::optional{choice_of(*best)};
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
std::vector<BundleSet> FrugalProgram::sets_at(std::uint32_t site) const {
  std::map<std::uint32_t, std::vector<std::uint32_t>> groups;  // By the least number of bundles.
  for (std::uint32_t i = 0; i < items_.size(); ++i)
    if (const Offer& offer = *items_[i].offer; offer.site == site)
      groups[offer.bundles.least].push_back(i);
  const SetLimits limits{ceiling_, limits_.money,
                         std::min(limits_.power, limits_.site_power[site])};
  std::vector<BundleSet> sets(1);
  for (const auto& [least, numbers] : groups)
    std::ranges::move(SiteSets{sites_[site], items_, numbers, prices_,
                               prices_.gain() - prices_.gain_at(site), demand_.wanted, limits}
                          .all(),
                      std::back_inserter(sets));
  return sets;
}

std::vector<BundleSet> FrugalProgram::joined(const std::vector<BundleSet>& before,
                                             const std::vector<BundleSet>& here,
                                             double later) const {
  const auto bound = [&](const BundleSet& set) { return prices_.worth() + set.reduced - later; };
  std::vector<BundleSet> joined;
  for (const BundleSet& a : before)
    for (const BundleSet& b : here) {
      if (prices_.worth() + a.reduced + b.reduced - later >= ceiling_) continue;
      BundleSet both = a.with(b);
      if (is_allowed(both)) joined.push_back(std::move(both));
    }
  const bool are_counted = demand_.bundles.is_one();
  keep_best(
      joined, open_sets_max, bound,
      [&](const BundleSet& set) { return are_counted ? set.bundles : 0; },
      [&](const BundleSet& a, const BundleSet& b) { return beats(a, b); });
  return joined;
}

/// Each bundle has a micro-batch at least.
bool FrugalProgram::is_allowed(const BundleSet& set) const {
  return set.bundles <= demand_.bundles.most && set.bundles <= demand_.wanted &&
         set.sites <= demand_.sites_max && set.money <= limits_.money && set.power <= limits_.power;
}

bool FrugalProgram::beats(const BundleSet& a, const BundleSet& b) const {
  const bool as_many = demand_.bundles.is_one() ? a.bundles == b.bundles : a.bundles <= b.bundles;
  return as_many && a.sites <= b.sites && (limits_.money >= endless || a.money <= b.money) &&
         (limits_.power.value() >= endless || a.power <= b.power) &&
         a.is_never_dearer_than(b, demand_.wanted);
}

/// If it does all micro-batches.
double FrugalProgram::money_of(const BundleSet& set) const {
  double money = set.money, rest = demand_.wanted - set.bundles;
  for (const BundleSet::Part& part : set.parts) {
    if (rest <= 0) break;
    money += std::min(rest, part.more) * items_[part.item].money_of_micro_batch;
    rest -= part.more;
  }
  return money;
}

BundleChoice FrugalProgram::choice_of(const BundleSet& set) const {
  BundleChoice choice{{}, set.score_of(demand_.wanted)};
  for (const BundleSet::Part& part : set.parts)
    choice.chosen.emplace_back(items_[part.item].offer, part.count);
  return choice;
}

}  // namespace axs::plan
