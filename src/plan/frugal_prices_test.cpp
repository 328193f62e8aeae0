#include "axs/plan/frugal_prices.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <set>

#include "axs/core/rng.h"
#include "axs/plan/frugal_program.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// Tensor groups of a replica.
struct Groups {
  std::uint32_t type, width, count;
};

/// Whether they have places in whole nodes and one that is not full. In a pool all are of a ladder,
/// so that the wide ones may be put anywhere before the narrow ones.
bool have_places(const NodeWidths& widths, std::uint32_t devices,
                 std::vector<std::uint32_t> groups) {
  if (std::ranges::none_of(widths.ladders, [&](const auto& ladder) {
        return std::ranges::all_of(
            groups, [&](std::uint32_t width) { return std::ranges::count(ladder, width) > 0; });
      }))
    return false;
  std::vector<std::uint32_t> left(devices / widths.node, widths.node);
  left.push_back(devices % widths.node);
  std::ranges::sort(groups, std::greater{});
  for (const std::uint32_t width : groups) {
    const auto node = std::ranges::find_if(left, [&](std::uint32_t free) { return free >= width; });
    if (node == left.end()) return false;
    *node -= width;
  }
  return true;
}

/// Items at sites of two types, and the best choice of three of them by trying all.
class Choices {
 public:
  static constexpr std::uint32_t bundles = 3;

  explicit Choices(double wanted, std::uint32_t node = 8)
      : widths{node_widths(node), node_widths(8)}, wanted_{wanted} {}

  void add_site(std::uint32_t devices, std::uint32_t others = 0) {
    sites.push_back({PoolRoom{widths[0], devices, 1}, PoolRoom{widths[1], others, 1}});
    rooms_.push_back({devices, others});
    limits.site_power.push_back(Watts{endless});
  }
  void add_any_site(Rng& rng) {
    const auto devices = static_cast<std::uint32_t>(1 + rng.below(12));
    add_site(devices, static_cast<std::uint32_t>(rng.below(12)));
  }
  void add(std::uint32_t site, ReplicaRange of_bundles, const std::vector<Groups>& groups,
           BundleItem item) {
    ReplicaKind& kind = kinds_.emplace_back();
    for (const auto& [type, width, count] : groups)
      kind.uses.emplace_back(TypeUse{.type = type}).add(widths[type], width, count);
    groups_[&kind] = groups;
    offers_.push_back(Offer::of(kind, site, of_bundles));
    item.offer = &offers_.back();
    item.most = static_cast<std::int64_t>(item.capacity[1]);
    items.push_back(item);
  }
  void put_in_order() {
    std::ranges::sort(items, {}, [](const BundleItem& item) {
      const Offer& offer = *item.offer;
      return std::tuple{offer.site, offer.bundles.least, offer.order()};
    });
  }
  /// Of choices with one item or with any.
  double least(const BundleItem* with = nullptr) {
    least_ = endless;
    with_ = with;
    choose(0);
    return least_;
  }

  std::array<NodeWidths, 2> widths;  ///< by type
  std::vector<BundleItem> items;
  std::vector<SiteRoom> sites;
  StepLimits limits;
  std::size_t sites_max = ~0u;

 private:
  void choose(std::size_t next) {
    if (chosen_.size() == bundles) {
      const bool has_it = with_ == nullptr || std::ranges::count(chosen_, with_) > 0;
      if (has_it && is_possible())
        for (const double share : {0.0, 0.3, 1.0}) least_ = std::min(least_, score_at(share));
      return;
    }
    for (std::size_t i = next; i < items.size(); ++i) {
      chosen_.push_back(&items[i]);
      choose(i);
      chosen_.pop_back();
    }
  }

  bool is_possible() const {
    Watts power{};
    std::set<std::uint32_t> in_use;
    for (const BundleItem* item : chosen_) {
      power += item->power;
      in_use.insert(item->offer->site);
    }
    if (power > limits.power || in_use.size() > sites_max) return false;
    for (std::uint32_t site = 0; site < sites.size(); ++site)
      if (!is_possible_at(site)) return false;
    return true;
  }

  bool is_possible_at(std::uint32_t site) const {
    std::array<std::vector<std::uint32_t>, 2> in_pool;  // Widths.
    std::uint32_t here = 0;
    Watts drawn{};
    for (const BundleItem* item : chosen_) {
      if (item->offer->site != site) continue;
      ++here;
      drawn += item->power;
      for (const auto& [type, width, count] : groups_.at(item->offer->kind))
        in_pool[type].insert(in_pool[type].end(), count, width);
    }
    for (const BundleItem* item : chosen_)
      if (item->offer->site == site && !may_have(*item->offer, here)) return false;
    return drawn <= limits.site_power[site] &&
           have_places(widths[0], rooms_[site][0], in_pool[0]) &&
           have_places(widths[1], rooms_[site][1], in_pool[1]);
  }

  /// One range for all of a site.
  bool may_have(const Offer& offer, std::uint32_t bundles_here) const {
    return std::ranges::all_of(chosen_,
                               [&](const BundleItem* item) {
                                 return item->offer->site != offer.site ||
                                        item->offer->is_as(offer);
                               }) &&
           bundles_here >= offer.bundles.least && bundles_here <= offer.bundles.most;
  }

  /// At so much of the span: those whose micro-batches are cheap do all that they can.
  double score_at(double share) const {
    const auto at = [&](const Ends& ends) { return ends[0] + share * (ends[1] - ends[0]); };
    std::vector<const BundleItem*> by_cost = chosen_;
    std::ranges::sort(by_cost, {}, &BundleItem::micro_batch);
    double score = 0, money = 0, rest = wanted_ - bundles;
    for (const BundleItem* item : by_cost) {
      const double more = std::min(rest, std::floor(at(item->capacity)) - 1);
      if (more < 0) return endless;
      score += at(item->score) + (1 + more) * item->micro_batch;
      money += item->money + (1 + more) * item->money_of_micro_batch;
      rest -= more;
    }
    return rest > 0 || money > limits.money ? endless : score;
  }

  double wanted_;
  std::vector<std::array<std::uint32_t, 2>> rooms_;  ///< by type
  std::deque<ReplicaKind> kinds_;
  std::map<const ReplicaKind*, std::vector<Groups>> groups_;
  std::deque<Offer> offers_;
  std::vector<const BundleItem*> chosen_;
  const BundleItem* with_ = nullptr;
  double least_ = endless;
};

/// Watts of items, and how many of them all sites or one may draw.
void limit_power(Rng& rng, Choices& choices) {
  for (BundleItem& item : choices.items) item.power = Watts{static_cast<double>(1 + rng.below(5))};
  const auto some = [&](std::uint64_t most) {
    return Watts{static_cast<double>(2 + rng.below(most))};
  };
  if (rng.chance(0.5)) choices.limits.power = some(12);
  for (Watts& site : choices.limits.site_power)
    if (rng.chance(0.5)) site = some(8);
}

/// Dollars of items, and how many of them a step may take. Energy has the same price everywhere, so
/// that cheap micro-batches are cheap in both.
void limit_money(Rng& rng, Choices& choices) {
  const double price = rng.uniform();
  for (BundleItem& item : choices.items) {
    item.money = 3 * rng.uniform();
    item.money_of_micro_batch = price * item.micro_batch;
  }
  choices.limits.money = 3 + 12 * rng.uniform();
}

FrugalPrices prices_of(Choices& choices, double wanted, double enough = endless) {
  choices.put_in_order();
  return {choices.items,
          choices.sites,
          choices.limits,
          {Choices::bundles, Choices::bundles},
          wanted,
          enough,
          {}};
}

/// Quarters of a micro-batch: not all of a bundle do as many.
double any_work(Rng& rng) {
  return 3 + static_cast<double>(rng.below(80)) / 4;
}

/// One bundle, or two or three.
ReplicaRange any_range(Rng& rng) {
  constexpr std::array ranges{ReplicaRange{1, 1}, ReplicaRange{2, 3}};
  return ranges[rng.below(2)];
}

/// Only nodes of eight have places for all groups for which there are devices enough.
std::uint32_t any_node(Rng& rng) {
  constexpr std::array nodes{8u, 5u, 6u, 12u};
  return nodes[rng.below(nodes.size())];
}

/// Of one type, of the other, or of both.
std::vector<Groups> any_groups(Rng& rng, const Choices& choices) {
  const auto some = [&](std::uint32_t type) {
    const std::vector<std::uint32_t> all = choices.widths[type].all();
    const std::uint32_t width = all[rng.below(4)];
    const std::uint32_t most = std::max(4 / width, 1u);
    return Groups{type, width, static_cast<std::uint32_t>(1 + rng.below(most))};
  };
  if (rng.chance(0.3)) return {some(0), some(1)};
  return {some(rng.chance(0.5) ? 0 : 1)};
}

/// Of a span of times.
BundleItem any_item(Rng& rng) {
  const double score = 1 + rng.uniform(), capacity = 1 + 5 * rng.uniform();
  return {.score = {score, score * (1 + rng.uniform())},
          .capacity = {capacity, capacity + 4 * rng.uniform()},
          .micro_batch = rng.uniform()};
}

/// Of one time.
BundleItem any_item_of_one_time(Rng& rng) {
  const double score = 1 + 20 * rng.uniform();
  const auto most = static_cast<double>(1 + rng.below(12));
  return {.score = {score, score}, .capacity = {most, most}, .micro_batch = 4 * rng.uniform()};
}

/// So many items at each of some sites.
template <class Item>
void fill(Rng& rng, Choices& choices, std::uint32_t sites, std::uint32_t items, const Item& item) {
  const bool counted = rng.chance(0.5);
  for (std::uint32_t site = 0; site < sites; ++site) {
    choices.add_any_site(rng);
    for (std::uint32_t i = 0; i < items; ++i) {
      const ReplicaRange range = counted ? any_range(rng) : any_number;
      const std::vector<Groups> groups = any_groups(rng, choices);
      choices.add(site, range, groups, item(rng));
    }
  }
  if (rng.chance(0.5)) limit_power(rng, choices);
  if (rng.chance(0.5)) limit_money(rng, choices);
}

/// None, or one that the best choice is not far from.
double any_ceiling(Rng& rng, double least) {
  if (rng.chance(0.4)) return endless;
  return (least < endless ? least : 50) * (0.5 + rng.uniform());
}

}  // namespace

TEST_CASE("frugal prices: no choice scores less than the bound, nor with an item than its bound") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const double wanted = any_work(rng);
    Choices choices{wanted, any_node(rng)};
    fill(rng, choices, 2, 5, any_item);
    const double least = choices.least(), enough = any_ceiling(rng, least);
    const FrugalPrices prices = prices_of(choices, wanted, enough);
    CHECK(std::min(prices.bound(), enough) <= least * (1 + 1e-9));
    if (least == endless) continue;
    ++compared;
    for (const BundleItem& item : choices.items)
      CHECK(std::min(prices.bound_with(item), enough) <= choices.least(&item) * (1 + 1e-9));
  }
  CHECK(compared > 100);
}

TEST_CASE(
    "frugal prices: where all are alike the bound is what they score, however long the span") {
  Choices choices{15};
  choices.add_site(100);
  choices.add(0, any_number, {{0, 1, 1}},
              {.score = {10, 20}, .capacity = {4, 8}, .micro_batch = 0.5});
  // A quarter of the way each does five.
  const double score = 3 * 12.5 + 15 * 0.5;
  CHECK(prices_of(choices, 15).bound() <= score * (1 + 1e-9));
  CHECK(prices_of(choices, 15).bound() >= score * (1 - 1e-3));
}

TEST_CASE("frugal prices: work that the devices of all sites cannot do has no price") {
  Choices choices{15};
  choices.add_site(2);
  choices.add(0, any_number, {{0, 1, 1}},
              {.score = {10, 20}, .capacity = {4, 8}, .micro_batch = 0.5});
  CHECK(prices_of(choices, 15).bound() < endless);
  CHECK(prices_of(choices, 17).bound() == endless);
}

TEST_CASE("frugal program: no choice scores less, whatever micro-batches cost at each site") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const double wanted = any_work(rng);
    Choices choices{wanted, any_node(rng)};
    const auto sites = static_cast<std::uint32_t>(1 + rng.below(3));
    fill(rng, choices, sites, 7 - 2 * sites, any_item_of_one_time);
    if (rng.chance(0.3)) choices.sites_max = 1 + rng.below(2);
    const double least = choices.least(), ceiling = any_ceiling(rng, least);
    const FrugalPrices prices = prices_of(choices, wanted, ceiling);
    const BundleDemand demand{{Choices::bundles, Choices::bundles}, choices.sites_max, wanted};
    const auto best =
        FrugalProgram{choices.items, prices, choices.sites, choices.limits, demand, ceiling}.best(
            1024, [] { return false; });
    CHECK(best.is_best);
    CHECK(best.chosen.empty() == (least >= ceiling));
    if (best.chosen.empty()) continue;
    ++compared;
    CHECK(best.score == doctest::Approx(least).epsilon(1e-9));
  }
  CHECK(compared > 200);
}
