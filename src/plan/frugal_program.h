#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "axs/plan/frugal_prices.h"

namespace axs::plan {

/// Bundles that do all micro-batches.
struct BundleChoice {
  std::vector<ChosenReplicas> chosen;
  double score = 0;
};

/// The bundles, exactly so many, that do `wanted` micro-batches at the least score, if that is
/// below `ceiling`. A dynamic program over the items, site by site, the cheapest first; of partial
/// choices those are dropped that another one beats or that, by the prices, cannot end below the
/// ceiling. Bundles do what they can in the order of the items, at a site those first whose
/// micro-batches cost least. So it is exact within a site and where these cost the same everywhere,
/// as long as no more than `open_max` choices are left: of more the most promising ones are kept.
class FrugalProgram {
 public:
  /// `prices` are those of the items and of `bundles`.
  FrugalProgram(std::vector<BundleItem> items, const FrugalPrices& prices,
                const std::vector<SiteRoom>& sites, const StepLimits& limits, std::uint32_t bundles,
                double wanted, double ceiling);

  std::optional<BundleChoice> best();

 private:
  static constexpr std::size_t open_max = 256;
  static constexpr std::size_t types_max = 8;
  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

  struct Partial {
    std::uint32_t bundles = 0;
    double done = 0;
    double score = 0;
    double money = 0;
    Watts power{};
    Watts site_power{};
    std::uint32_t here = 0;                  ///< bundles that the site has in the end, 0: not known
    std::uint32_t missing = 0;               ///< of these
    std::array<PoolRoom, types_max> left{};  ///< of the site
    std::size_t last = nowhere;              ///< which of the steps
  };
  struct Step {
    std::size_t before;
    std::size_t item;
    std::uint32_t count;
  };
  /// What is left to choose from.
  struct Rest {
    double here = 0;   ///< gain of the site, for a partial choice that has none of it
    double later = 0;  ///< gain of the sites after it
    /// Of the items that are left of the same group as the one before; null: there are none.
    const FrugalPrices::Group* group = nullptr;
    double least = 0;  ///< as FrugalPrices::score_of()
  };

  void drop_useless_items();
  void sort_items();
  void list_rests();
  void enter_site(std::uint32_t site);
  void drop_unfinished();
  void extend(std::size_t item);
  std::optional<Partial> with_one_more(Partial partial, const BundleItem& item) const;
  void drop_beaten();
  void keep_promising(std::vector<Partial>& partials, std::size_t next) const;
  /// Of a choice that goes on with items from `next` on.
  double least_score(const Partial& partial, std::size_t next) const;
  /// Of the items at the site of the one before `next`.
  double gain_here(const Partial& partial, const Rest& rest) const;
  bool is_hopeless(const Partial& partial, std::size_t next) const;
  BundleChoice choice_of(const Partial& partial) const;

  std::vector<BundleItem> items_;
  const FrugalPrices& prices_;
  const std::vector<SiteRoom>& sites_;
  const StepLimits& limits_;
  std::uint32_t bundles_;
  double wanted_;
  double ceiling_;
  std::vector<Rest> rests_;  ///< by the next item
  std::vector<Partial> open_;
  std::vector<Step> steps_;
};

}  // namespace axs::plan
