#include "axs/plan/frugal_program.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace axs::plan {

FrugalProgram::FrugalProgram(std::vector<BundleItem> items, const FrugalPrices& prices,
                             const std::vector<SiteRoom>& sites, const StepLimits& limits,
                             std::uint32_t bundles, double wanted, double ceiling)
    : items_{std::move(items)},
      prices_{prices},
      sites_{sites},
      limits_{limits},
      bundles_{bundles},
      wanted_{wanted},
      ceiling_{ceiling} {
  drop_useless_items();
  sort_items();
  list_rests();
}

std::optional<BundleChoice> FrugalProgram::best() {
  open_.assign(1, {});
  steps_.clear();
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Offer& offer = *items_[i].offer;
    const Offer* const before = i == 0 ? nullptr : items_[i - 1].offer;
    const bool is_new_site = before == nullptr || before->site != offer.site;
    if (is_new_site || before->bundles != offer.bundles) drop_unfinished();
    if (is_new_site) enter_site(offer.site);
    extend(i);
    drop_beaten();
  }
  drop_unfinished();
  const Partial* best = nullptr;
  for (const Partial& partial : open_)
    if (partial.bundles == bundles_ && partial.done == wanted_ && partial.score < ceiling_ &&
        (best == nullptr || partial.score < best->score))
      best = &partial;
  return best == nullptr ? std::nullopt : std::optional{choice_of(*best)};
}

/// Those that another beats with the same devices, and those that no choice below the ceiling has.
void FrugalProgram::drop_useless_items() {
  const auto beats = [](const BundleItem& a, const BundleItem& b) {
    return a.offer->site == b.offer->site && a.offer->bundles == b.offer->bundles &&
           a.most >= b.most && a.score[0] <= b.score[0] && a.micro_batch <= b.micro_batch &&
           a.money <= b.money && a.money_of_micro_batch <= b.money_of_micro_batch &&
           a.power <= b.power && uses_no_more(*a.offer->kind, *b.offer->kind);
  };
  std::vector<BundleItem> kept;
  for (const BundleItem& item : items_)
    if (prices_.bound_with(item) < ceiling_ &&
        std::ranges::none_of(kept, [&](const auto& k) { return beats(k, item); }))
      kept.push_back(item);
  items_ = std::move(kept);
}

/// Site by site, and there by how many bundles it has, those with the cheapest micro-batches first:
/// they do all that they can, and what is left to do has to be done by dearer ones.
void FrugalProgram::sort_items() {
  using Cost = std::pair<double, double>;
  std::map<std::uint32_t, Cost> least;
  for (const BundleItem& item : items_) {
    Cost& of_site = least.try_emplace(item.offer->site, endless, endless).first->second;
    of_site = std::min(of_site, Cost{item.micro_batch, item.unit_score()});
  }
  std::ranges::sort(items_, {}, [&](const BundleItem& item) {
    const Offer& offer = *item.offer;
    return std::tuple{least.at(offer.site),
                      offer.site,
                      offer.bundles,
                      item.micro_batch,
                      prices_.score_of(item)[0],
                      offer.kind->devices(),
                      item.offer};
  });
}

void FrugalProgram::list_rests() {
  rests_.assign(items_.size() + 1, {});
  for (std::size_t i = items_.size(); i-- > 1;) {
    const Offer& offer = *items_[i].offer;
    const FrugalPrices::Group& group = prices_.group_of(offer);
    const Rest& after = rests_[i + 1];
    const double here = std::max(after.here, group.gain[0]);
    const bool is_same_site = items_[i - 1].offer->site == offer.site;
    if (!is_same_site)
      rests_[i].later = after.later + here;
    else if (items_[i - 1].offer->bundles != offer.bundles)
      rests_[i] = {here, after.later};
    else
      rests_[i] = {here, after.later, &group,
                   std::min(prices_.score_of(items_[i])[0], after.group ? after.least : endless)};
  }
}

void FrugalProgram::enter_site(std::uint32_t site) {
  for (Partial& partial : open_) {
    partial.site_power = {};
    partial.here = 0;
    std::ranges::copy(sites_[site], partial.left.begin());
  }
  drop_beaten();
}

/// Of offers for a number of bundles a site has as many, or none.
void FrugalProgram::drop_unfinished() {
  std::erase_if(open_, [](const Partial& partial) { return partial.missing > 0; });
}

void FrugalProgram::extend(std::size_t number) {
  std::vector<Partial> next;
  for (const Partial& partial : open_) {
    if (!is_hopeless(partial, number + 1)) next.push_back(partial);
    auto more = with_one_more(partial, items_[number]);
    for (std::uint32_t count = 1; more; ++count, more = with_one_more(*more, items_[number])) {
      if (is_hopeless(*more, number + 1)) continue;
      steps_.push_back({partial.last, number, count});
      next.push_back(*more);
      next.back().last = steps_.size() - 1;
    }
    if (next.size() > 4 * open_max) keep_promising(next, number + 1);
  }
  keep_promising(next, number + 1);
  open_ = std::move(next);
}

void FrugalProgram::keep_promising(std::vector<Partial>& partials, std::size_t next) const {
  if (partials.size() <= open_max) return;
  const auto key = [&](const Partial& p) {
    return std::tuple{least_score(p, next), p.bundles, p.last};
  };
  std::ranges::nth_element(partials, partials.begin() + open_max, {}, key);
  partials.resize(open_max);
}

/// Each of the bundles that are still to come has a micro-batch at least.
std::optional<FrugalProgram::Partial> FrugalProgram::with_one_more(Partial partial,
                                                                   const BundleItem& item) const {
  if (partial.bundles == bundles_) return std::nullopt;
  if (const std::uint32_t wanted = item.offer->bundles; wanted > 0) {
    if (partial.here == 0) partial.here = partial.missing = wanted;
    if (partial.here != wanted || partial.missing == 0) return std::nullopt;
    --partial.missing;
  }
  for (const TypeUse& use : item.offer->kind->uses)
    if (!partial.left[use.type].take(use, 1)) return std::nullopt;
  ++partial.bundles;
  const double done = std::min(partial.done + static_cast<double>(item.most),
                               wanted_ - (bundles_ - partial.bundles));
  const double work = done - partial.done;
  partial.done = done;
  partial.score += item.score[0] + item.micro_batch * work;
  partial.money += item.money + item.money_of_micro_batch * work;
  partial.power += item.power;
  partial.site_power += item.power;
  if (partial.money > limits_.money || partial.power > limits_.power ||
      partial.site_power > limits_.site_power[item.offer->site])
    return std::nullopt;
  return partial;
}

double FrugalProgram::least_score(const Partial& partial, std::size_t next) const {
  const double work = wanted_ - partial.done;
  const double bundles = bundles_ - partial.bundles;
  if (bundles == 0) return work > 0 ? endless : partial.score;
  return partial.score + work * prices_.micro_batch() + bundles * prices_.bundle() -
         rests_[next].later - gain_here(partial, rests_[next]);
}

double FrugalProgram::gain_here(const Partial& partial, const Rest& rest) const {
  const bool is_open = partial.missing > 0;
  if (rest.group == nullptr || (rest.group->bundles > 0 && partial.here == 0))
    return is_open ? -endless : rest.here;
  if (rest.group->bundles > 0 && !is_open) return 0;
  const double worth = prices_.bundle() - rest.least;
  const double by_bundles =
      is_open ? partial.missing * worth : (bundles_ - partial.bundles) * std::max(0.0, worth);
  double by_devices = 0;
  for (const FrugalPrices::Pool& pool : rest.group->pools)
    if (pool.gain[0] > 0)
      by_devices += pool.gain[0] * FrugalPrices::devices_of(partial.left, pool.type);
  return std::min(by_bundles, by_devices);
}

bool FrugalProgram::is_hopeless(const Partial& partial, std::size_t next) const {
  return least_score(partial, next) >= ceiling_;
}

void FrugalProgram::drop_beaten() {
  const auto key = [](const Partial& p) { return std::tuple{p.bundles, p.score, -p.done, p.last}; };
  std::ranges::sort(open_, [&](const Partial& a, const Partial& b) { return key(a) < key(b); });
  const auto beats = [&](const Partial& a, const Partial& b) {
    const bool is_as_open = a.missing == b.missing && (a.here == 0 || b.here > 0);
    return is_as_open && a.done >= b.done && (limits_.money >= endless || a.money <= b.money) &&
           (limits_.power.value() >= endless || a.power <= b.power) &&
           a.site_power <= b.site_power &&
           std::ranges::equal(a.left, b.left,
                              [](const PoolRoom& x, const PoolRoom& y) { return x.has_all_of(y); });
  };
  std::vector<Partial> kept;
  std::size_t begin = 0;  // of those with as many bundles
  for (const Partial& partial : open_) {
    if (begin < kept.size() && kept[begin].bundles != partial.bundles) begin = kept.size();
    if (std::none_of(kept.begin() + static_cast<std::ptrdiff_t>(begin), kept.end(),
                     [&](const Partial& k) { return beats(k, partial); }))
      kept.push_back(partial);
  }
  open_ = std::move(kept);
}

BundleChoice FrugalProgram::choice_of(const Partial& partial) const {
  BundleChoice choice{{}, partial.score};
  for (std::size_t i = partial.last; i != nowhere; i = steps_[i].before) {
    const Offer& offer = *items_[steps_[i].item].offer;
    choice.chosen.push_back({offer.site, offer.kind, steps_[i].count});
  }
  return choice;
}

}  // namespace axs::plan
