#include "axs/plan/frugal_prices.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "axs/core/assert.h"
#include "axs/core/dmath.h"
#include "axs/plan/rounding.h"

namespace axs::plan {

namespace {

constexpr std::array<std::size_t, 2> ends{0, 1};
constexpr Ends nothing{endless, endless};

Ends lower(const Ends& a, const Ends& b) {
  return {std::min(a[0], b[0]), std::min(a[1], b[1])};
}

Ends higher(const Ends& a, const Ends& b) {
  return {std::max(a[0], b[0]), std::max(a[1], b[1])};
}

/// Where a function that rises and then falls is highest, by golden sections. Any place where it is
/// `enough` will do.
template <class Function>
double highest(double low, double high, double enough, const Function& function) {
  constexpr int sections = 18;
  constexpr double golden = 0.6180339887498949;
  double best = low, of_best = -endless;
  const auto value = [&](double place) {
    const double here = function(place);
    if (here > of_best) of_best = here, best = place;
    return here;
  };
  double left = high - golden * (high - low), right = low + golden * (high - low);
  double of_left = value(left), of_right = value(right);
  for (int i = 0; i < sections && of_best < enough; ++i)
    if (of_left >= of_right) {
      high = std::exchange(right, left);
      of_right = of_left;
      of_left = value(left = high - golden * (high - low));
    } else {
      low = std::exchange(left, right);
      of_left = of_right;
      of_right = value(right = low + golden * (high - low));
    }
  return best;
}

/// Where a function of straight lines is highest if each is steeper down than the one before, so
/// that between two of them it is no higher than where they meet. Of others it finds some place,
/// which does for a bound.
template <class Function>
double highest_of_lines(double low, double high, const Function& function) {
  constexpr double precise = 1e-9;
  auto left = function(low), right = function(high);
  if (left.slope <= 0) return low;
  if (right.slope >= 0) return high;
  // By far not as many lines are ever seen.
  for (int lines = 0; lines < 100; ++lines) {
    const double meet = (right.value - left.value + left.slope * low - right.slope * high) /
                        (left.slope - right.slope);
    if (!(meet > low && meet < high)) return left.value > right.value ? low : high;
    const double most = left.value + left.slope * (meet - low);
    const auto there = function(meet);
    if (most - there.value <= precise * std::abs(most)) return meet;
    (there.slope > 0 ? low : high) = meet;
    (there.slope > 0 ? left : right) = there;
  }
  return left.value > right.value ? low : high;
}

/// Of such a type, or of all.
double devices_of(const SiteRoom& site, std::size_t type) {
  if (type != mixed_pool) return site[type].devices();
  double all = 0;
  for (const PoolRoom& room : site) all += room.devices();
  return all;
}

bool is_in_order(const Offer& a, const Offer& b) {
  return std::tuple{a.site, a.bundles.least, a.order()} <=
         std::tuple{b.site, b.bundles.least, b.order()};
}

}  // namespace

BundleItem BundleItem::at_best() const {
  BundleItem best = *this;
  best.score[1] = score[0];
  best.capacity = {static_cast<double>(most), static_cast<double>(most)};
  return best;
}

FrugalPrices::FrugalPrices(const std::vector<BundleItem>& items, const std::vector<SiteRoom>& sites,
                           const StepLimits& limits, ReplicaRange bundles, double wanted,
                           double enough, const WorthOf& known)
    : bundles_{bundles}, wanted_{wanted} {
  group(items, sites);
  limit_bundles(enough);
  limit_devices(limits);
  if (!may_do_all()) return;
  bound_ = bound_with(known);
  if (bound_ < enough) look_for_better(enough);
  list_sites();
  items_.clear();  // Whoever asks on has items of their own.
}

void FrugalPrices::look_for_better(double enough) {
  const WorthOf known = prices_;
  const double of_known = bound_;
  double cheapest = endless, dearest = 0;
  for (const BundleItem* item : items_)
    if (const double unit = item->unit_score(); unit > 0) {
      cheapest = std::min(cheapest, unit);
      dearest = std::max(dearest, unit);
    }
  if (dearest > 0) {
    // From next to nothing to what the last micro-batch costs that only a dear bundle can do.
    constexpr double powers = 11.5;
    const double most = powers + dmath::log(dearest / cheapest);
    const auto price = [&](double power) { return cheapest * dmath::exp(power); };
    const double best =
        highest(-powers, most, enough, [&](double power) { return best_at(price(power)); });
    bound_ = best_at(price(best));
  } else {
    bound_ = best_at(0);
  }
  if (bound_ < of_known) bound_ = bound_with(known);
}

void FrugalPrices::group(const std::vector<BundleItem>& items, const std::vector<SiteRoom>& sites) {
  for (const BundleItem& item : items) {
    const Offer& offer = *item.offer;
    AXS_ASSERT(items_.empty() || is_in_order(*items_.back()->offer, offer));
    if (items_.empty() || !offer.is_as(*items_.back()->offer))
      groups_.push_back({offer.site, offer.bundles, std::min(offer.bundles.most, bundles_.most)});
    auto& pools = groups_.back().pools;
    if (pools.empty() || pools.back().type != offer.pool)
      pools.push_back({offer.pool, devices_of(sites[offer.site], offer.pool)});
    auto& alike = pools.back().alike;
    const std::size_t number = items_.size();
    if (alike.empty() || alike.back().devices != offer.devices)
      alike.push_back({number, number, static_cast<double>(offer.devices)});
    alike.back().end = number + 1;
    items_.push_back(&item);
  }
}

/// Too many are those that score `enough` even while they wait.
void FrugalPrices::limit_bundles(double enough) {
  double work = endless;  // Of all micro-batches, at the least.
  for (const BundleItem* item : items_) work = std::min(work, wanted_ * item->micro_batch);
  for (Group& group : groups_) {
    double waiting = endless;
    for (std::size_t i = group.begin(); i < group.end(); ++i)
      waiting = std::min({waiting, items_[i]->score[0], items_[i]->score[1]});
    const double most = std::max(0.0, (1 + rounding) * (enough - work) / waiting);
    if (most < group.most) group.most = static_cast<std::uint32_t>(most);
    if (group.most < group.bundles.least) group.most = 0;
  }
}

/// Those of a pool together draw no more than the site or all sites may.
void FrugalPrices::limit_devices(const StepLimits& limits) {
  for (Group& group : groups_)
    for (Pool& pool : group.pools) {
      double least = endless;  // Of a device, in watts.
      for (const Alike& alike : pool.alike)
        for (std::size_t i = alike.begin; i < alike.end; ++i)
          least = std::min(least, items_[i]->power.value() / alike.devices);
      const Watts most = std::min(limits.power, limits.site_power[group.site]);
      if (least > 0) pool.devices = std::min(pool.devices, most.value() / least);
    }
}

/// Without rounding: half a micro-batch more or less is nothing.
bool FrugalPrices::may_do_all() const {
  double most = 0, of_site = 0;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    of_site = std::max(of_site, most_of(groups_[i]));
    if (i + 1 < groups_.size() && groups_[i + 1].site == groups_[i].site) continue;
    most += std::exchange(of_site, 0);
  }
  return most > wanted_ - 0.5;
}

/// Micro-batches.
double FrugalPrices::most_of(const Group& group) const {
  double of_devices = 0, of_one = 0;
  for (const Pool& pool : group.pools) {
    double density = 0;
    for (const Alike& alike : pool.alike)
      for (std::size_t i = alike.begin; i < alike.end; ++i) {
        const auto most = static_cast<double>(items_[i]->most);
        of_one = std::max(of_one, most);
        density = std::max(density, most / alike.devices);
      }
    of_devices += density * pool.devices;
  }
  return std::min(of_devices, group.most * of_one);
}

Ends FrugalPrices::score_of(const BundleItem& item) const {
  const double each = item.micro_batch - prices_.micro_batch;
  Ends score = item.score;
  for (std::size_t end : ends) score[end] += each * (each < 0 ? item.capacity[end] : 1);
  return score;
}

void FrugalPrices::set_micro_batch(double price) {
  prices_.micro_batch = price;
  for (Group& group : groups_) {
    group.least = nothing;
    for (Pool& pool : group.pools)
      for (Alike& alike : pool.alike) {
        alike.least = nothing;
        for (std::size_t i = alike.begin; i < alike.end; ++i)
          alike.least = lower(alike.least, score_of(*items_[i]));
        group.least = lower(group.least, alike.least);
      }
  }
}

double FrugalPrices::bound_with(const WorthOf& prices) {
  set_micro_batch(prices.micro_batch);
  return bound_at(prices.bundle).value;
}

/// The bound if a micro-batch is worth so much, with the price of a bundle that says most.
double FrugalPrices::best_at(double price) {
  set_micro_batch(price);
  double low = endless, high = -endless;
  for (const Group& group : groups_) {
    low = std::min({low, group.least[0], group.least[1]});
    for (const Pool& pool : group.pools)
      for (const Alike& alike : pool.alike) high = std::max({high, alike.least[0], alike.least[1]});
  }
  // Where devices are few, a bundle may be worth more than any that is chosen.
  constexpr double spreads = 8;
  const double best = highest_of_lines(low, high + spreads * (high - low),
                                       [&](double bundle) { return bound_at(bundle); });
  return bound_at(best).value;
}

double FrugalPrices::worth() const {
  return wanted_ * prices_.micro_batch +
         std::min(prices_.bundle * bundles_.least, prices_.bundle * bundles_.most);
}

FrugalPrices::Line FrugalPrices::bound_at(double bundle) {
  prices_.bundle = bundle;
  gain_ = {};
  Ends slope{};
  const Group* best[2]{};
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    Group& group = groups_[i];
    set_gains(group);
    const bool is_last = i + 1 == groups_.size() || groups_[i + 1].site != group.site;
    for (const std::size_t end : ends) {
      if (best[end] == nullptr || group.gain[end] > best[end]->gain[end]) best[end] = &group;
      if (!is_last) continue;
      gain_[end] += best[end]->gain[end];
      slope[end] += best[end]->slope[end];
      best[end] = nullptr;
    }
  }
  const std::size_t end = gain_[0] >= gain_[1] ? 0 : 1;
  return {worth() - gain_[end], (bundle < 0 ? bundles_.most : bundles_.least) - slope[end]};
}

/// Each of its bundles gains as much as the best one.
FrugalPrices::Gain FrugalPrices::by_bundles(const Group& group) const {
  Gain gain;
  for (const std::size_t end : ends) {
    const double each = prices_.bundle - group.least[end];
    if (each > 0) gain.of[end] = group.most * each, gain.slope[end] = group.most;
  }
  return gain;
}

/// Each of its devices gains as much as the best one of its type.
FrugalPrices::Gain FrugalPrices::by_devices(Group& group) const {
  Gain gain;
  for (Pool& pool : group.pools)
    for (const std::size_t end : ends) {
      double devices = endless;
      for (const Alike& alike : pool.alike) {
        const double of_one = (prices_.bundle - alike.least[end]) / alike.devices;
        if (of_one > pool.gain[end]) pool.gain[end] = of_one, devices = alike.devices;
      }
      gain.of[end] += pool.gain[end] * pool.devices;
      gain.slope[end] += pool.devices / devices;
    }
  return gain;
}

/// By what says most, at both ends the same.
void FrugalPrices::set_gains(Group& group) const {
  for (Pool& pool : group.pools) pool.gain = {};
  Gain gain = by_bundles(group);
  if (gain.most() > 0)
    if (const Gain other = by_devices(group); other.most() < gain.most()) gain = other;
  group.gain = gain.of;
  group.slope = gain.slope;
}

double FrugalPrices::bound_with(const BundleItem& item) const {
  const Group& group = group_of(*item.offer);
  if (group.most == 0) return endless;
  const Ends score = score_of(item);
  const Ends of_site = ends_at(item.offer->site);
  Ends by_bundles{}, by_devices{};
  for (const std::size_t end : ends) {
    const double others = prices_.bundle - group.least[end];
    const double without = worth() - gain_[end] + of_site[end] - (prices_.bundle - score[end]);
    by_bundles[end] = without - ((others > 0 ? group.most : group.bundles.least) - 1) * others;
    by_devices[end] = without;
    for (const Pool& pool : group.pools) {
      const double mine = pool.type == item.offer->pool ? item.offer->devices : 0;
      by_devices[end] -= pool.gain[end] * (pool.devices - mine);
    }
  }
  return std::max(std::min(by_bundles[0], by_bundles[1]), std::min(by_devices[0], by_devices[1]));
}

/// Once prices stay as they are.
void FrugalPrices::list_sites() {
  for (const Group& group : groups_) {
    if (sites_.size() <= group.site) sites_.resize(group.site + 1);
    sites_[group.site] = higher(sites_[group.site], group.gain);
  }
}

Ends FrugalPrices::ends_at(std::uint32_t site) const {
  return site < sites_.size() ? sites_[site] : Ends{};
}

const FrugalPrices::Group& FrugalPrices::group_of(const Offer& offer) const {
  const auto key = [](const Group& group) { return std::pair{group.site, group.bundles.least}; };
  return *std::ranges::lower_bound(groups_, std::pair{offer.site, offer.bundles.least}, {}, key);
}

}  // namespace axs::plan
