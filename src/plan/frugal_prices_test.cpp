#include "axs/plan/frugal_prices.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// Items at sites of one type, and the best choice of three of them by trying all.
class Choices {
 public:
  static constexpr std::uint32_t bundles = 3;

  explicit Choices(double wanted) : wanted_{wanted} {}

  void add_site(std::uint32_t devices) {
    sites.push_back({PoolRoom{node_widths(8), devices, 1}});
    rooms_.push_back(devices);
  }
  void add(std::uint32_t site, std::uint32_t of_bundles, std::uint32_t devices, Ends score,
           Ends capacity, double micro_batch) {
    kinds_.push_back({{}, {TypeUse{0, devices}}, {}, {}});
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
    for (std::uint32_t site = 0; site < sites.size(); ++site) {
      std::uint32_t devices = 0, here = 0;
      for (const BundleItem* item : chosen_)
        if (item->offer->site == site) devices += item->offer->kind->devices(), ++here;
      for (const BundleItem* item : chosen_)
        if (item->offer->site == site && item->offer->bundles > 0 && item->offer->bundles != here)
          return false;
      if (devices > rooms_[site]) return false;
    }
    return true;
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
  std::vector<std::uint32_t> rooms_;
  std::deque<ReplicaKind> kinds_;
  std::deque<Offer> offers_;
  std::vector<const BundleItem*> chosen_;
  const BundleItem* with_ = nullptr;
  double least_ = endless;
};

FrugalPrices prices_of(const Choices& choices, std::int64_t wanted) {
  return {choices.items, choices.sites, {Choices::bundles, Choices::bundles}, wanted, endless};
}

}  // namespace

TEST_CASE("frugal prices: no choice scores less than the bound, nor with an item than its bound") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const auto wanted = static_cast<std::int64_t>(3 + rng.below(20));
    Choices choices{static_cast<double>(wanted)};
    const bool counted = rng.chance(0.5);
    for (std::uint32_t site = 0; site < 2; ++site) {
      choices.add_site(static_cast<std::uint32_t>(1 + rng.below(12)));
      for (int i = 0; i < 5; ++i) {
        const double score = 1 + rng.uniform(), capacity = 1 + 5 * rng.uniform();
        choices.add(site, counted ? static_cast<std::uint32_t>(1 + rng.below(3)) : 0,
                    static_cast<std::uint32_t>(1 + rng.below(4)),
                    {score, score * (1 + rng.uniform())}, {capacity, capacity + 4 * rng.uniform()},
                    rng.uniform());
      }
    }
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
  choices.add(0, 0, 1, {10, 20}, {4, 8}, 0.5);
  // A quarter of the way each does five.
  const double score = 3 * 12.5 + 15 * 0.5;
  CHECK(prices_of(choices, 15).bound() <= score * (1 + 1e-9));
  CHECK(prices_of(choices, 15).bound() >= score * (1 - 1e-3));
}

TEST_CASE("frugal prices: work that the devices of all sites cannot do has no price") {
  Choices choices{15};
  choices.add_site(2);
  choices.add(0, 0, 1, {10, 20}, {4, 8}, 0.5);
  CHECK(prices_of(choices, 15).bound() < endless);
  CHECK(prices_of(choices, 17).bound() == endless);
}
