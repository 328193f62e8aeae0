#include "axs/plan/frugal_prices.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <set>

#include "axs/core/rng.h"
#include "axs/plan/frugal_program.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// Items at sites of two types, and the best choice of three of them by trying all.
class Choices {
 public:
  static constexpr std::uint32_t bundles = 3;

  explicit Choices(double wanted) : wanted_{wanted} {}

  void add_site(std::uint32_t devices, std::uint32_t others = 0) {
    sites.push_back({PoolRoom{node_widths(8), devices, 1}, PoolRoom{node_widths(8), others, 1}});
    rooms_.push_back({devices, others});
    limits.site_power.push_back(Watts{endless});
  }
  void add_any_site(Rng& rng) {
    add_site(static_cast<std::uint32_t>(1 + rng.below(12)),
             static_cast<std::uint32_t>(rng.below(12)));
  }
  void add(std::uint32_t site, ReplicaRange of_bundles, std::vector<TypeUse> uses, Ends score,
           Ends capacity, double micro_batch) {
    kinds_.push_back({{}, std::move(uses), {}, {}});
    offers_.push_back({.site = site, .bundles = of_bundles, .kind = &kinds_.back()});
    items.push_back({.offer = &offers_.back(),
                     .score = score,
                     .capacity = capacity,
                     .most = static_cast<std::int64_t>(capacity[1]),
                     .micro_batch = micro_batch});
  }
  /// Of choices with one item or with any.
  double least(const BundleItem* with = nullptr) {
    least_ = endless;
    with_ = with;
    choose(0);
    return least_;
  }

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
    for (std::uint32_t site = 0; site < sites.size(); ++site) {
      std::array<std::uint32_t, 2> devices{};
      std::uint32_t here = 0;
      Watts drawn{};
      for (const BundleItem* item : chosen_) {
        if (item->offer->site != site) continue;
        ++here;
        drawn += item->power;
        for (const TypeUse& use : item->offer->kind->uses) devices[use.type] += use.devices;
      }
      for (const BundleItem* item : chosen_)
        if (item->offer->site == site && !may_have(*item->offer, here)) return false;
      if (drawn > limits.site_power[site]) return false;
      if (devices[0] > rooms_[site][0] || devices[1] > rooms_[site][1]) return false;
    }
    return true;
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
    double score = 0, rest = wanted_ - bundles;
    for (const BundleItem* item : by_cost) {
      const double more = std::min(rest, std::floor(at(item->capacity)) - 1);
      if (more < 0) return endless;
      score += at(item->score) + (1 + more) * item->micro_batch;
      rest -= more;
    }
    return rest > 0 ? endless : score;
  }

  double wanted_;
  std::vector<std::array<std::uint32_t, 2>> rooms_;  ///< by type
  std::deque<ReplicaKind> kinds_;
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

FrugalPrices prices_of(const Choices& choices, double wanted) {
  return {choices.items,
          choices.sites,
          choices.limits,
          {Choices::bundles, Choices::bundles},
          wanted,
          endless,
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

/// Of one type, of the other, or of both.
std::vector<TypeUse> any_uses(Rng& rng) {
  const auto some = [&](std::uint32_t type) {
    return TypeUse{type, static_cast<std::uint32_t>(1 + rng.below(4))};
  };
  if (rng.chance(0.3)) return {some(0), some(1)};
  return {some(rng.chance(0.5) ? 0 : 1)};
}

}  // namespace

TEST_CASE("frugal prices: no choice scores less than the bound, nor with an item than its bound") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const double wanted = any_work(rng);
    Choices choices{wanted};
    const bool counted = rng.chance(0.5);
    for (std::uint32_t site = 0; site < 2; ++site) {
      choices.add_any_site(rng);
      for (int i = 0; i < 5; ++i) {
        const double score = 1 + rng.uniform(), capacity = 1 + 5 * rng.uniform();
        choices.add(site, counted ? any_range(rng) : any_number, any_uses(rng),
                    {score, score * (1 + rng.uniform())}, {capacity, capacity + 4 * rng.uniform()},
                    rng.uniform());
      }
    }
    if (rng.chance(0.5)) limit_power(rng, choices);
    const FrugalPrices prices = prices_of(choices, wanted);
    const double least = choices.least();
    CHECK(prices.bound() <= least * (1 + 1e-9));
    if (least == endless) continue;
    ++compared;
    for (const BundleItem& item : choices.items)
      CHECK(prices.bound_with(item) <= choices.least(&item) * (1 + 1e-9));
  }
  CHECK(compared > 100);
}

TEST_CASE(
    "frugal prices: where all are alike the bound is what they score, however long the span") {
  Choices choices{15};
  choices.add_site(100);
  choices.add(0, any_number, {TypeUse{0, 1}}, {10, 20}, {4, 8}, 0.5);
  // A quarter of the way each does five.
  const double score = 3 * 12.5 + 15 * 0.5;
  CHECK(prices_of(choices, 15).bound() <= score * (1 + 1e-9));
  CHECK(prices_of(choices, 15).bound() >= score * (1 - 1e-3));
}

TEST_CASE("frugal prices: work that the devices of all sites cannot do has no price") {
  Choices choices{15};
  choices.add_site(2);
  choices.add(0, any_number, {TypeUse{0, 1}}, {10, 20}, {4, 8}, 0.5);
  CHECK(prices_of(choices, 15).bound() < endless);
  CHECK(prices_of(choices, 17).bound() == endless);
}

TEST_CASE("frugal program: no choice scores less, whatever micro-batches cost at each site") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const double wanted = any_work(rng);
    Choices choices{wanted};
    const bool counted = rng.chance(0.5);
    const auto sites = static_cast<std::uint32_t>(1 + rng.below(3));
    for (std::uint32_t site = 0; site < sites; ++site) {
      choices.add_any_site(rng);
      for (std::uint32_t i = 0; i < 7 - 2 * sites; ++i) {
        const double score = 1 + 20 * rng.uniform();
        const auto most = static_cast<double>(1 + rng.below(12));
        choices.add(site, counted ? any_range(rng) : any_number, any_uses(rng), {score, score},
                    {most, most}, 4 * rng.uniform());
      }
    }
    if (rng.chance(0.5)) limit_power(rng, choices);
    if (rng.chance(0.3)) choices.sites_max = 1 + rng.below(2);
    const double least = choices.least();
    const FrugalPrices prices = prices_of(choices, wanted);
    const BundleDemand demand{{Choices::bundles, Choices::bundles}, choices.sites_max, wanted};
    const auto best =
        FrugalProgram{choices.items, prices, choices.sites, choices.limits, demand, endless}.best(
            1024, [] { return false; });
    CHECK(best.is_best);
    CHECK(best.chosen.empty() == (least >= endless));
    if (best.chosen.empty()) continue;
    ++compared;
    CHECK(best.score == doctest::Approx(least).epsilon(1e-9));
  }
  CHECK(compared > 200);
}
