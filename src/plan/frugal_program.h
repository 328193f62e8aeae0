#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "axs/plan/frugal_choice.h"

namespace axs::plan {

/// A bundle of an offer within a limit of time.
struct BundleItem {
  const Offer* offer = nullptr;
  std::int64_t most = 0;  ///< micro-batches
  double score = 0;       ///< without micro-batches
  double micro_batch = 0;
  double money = 0;  ///< without micro-batches
  double money_of_micro_batch = 0;
  Watts power{};

  /// Of a micro-batch, if it does as many as it can.
  double unit_score() const { return score / static_cast<double>(most) + micro_batch; }
};

/// Bundles that do all micro-batches.
struct BundleChoice {
  std::vector<ChosenReplicas> chosen;
  double score = 0;
};

/// The bundles, exactly so many, that do `wanted` micro-batches at the least score, if that is
/// below `ceiling`. A dynamic program over the items, the cheapest first; of partial choices those
/// are dropped that another one beats or that cannot end below the ceiling. It is exact as long as
/// no more than `open_max` are left: of more the most promising ones are kept.
class FrugalProgram {
 public:
  FrugalProgram(std::vector<BundleItem> items, const std::vector<SiteRoom>& sites,
                const StepLimits& limits)
      : items_{std::move(items)}, sites_{sites}, limits_{limits} {}

  std::optional<BundleChoice> best(std::uint32_t bundles, std::int64_t wanted, double ceiling);

 private:
  static constexpr std::size_t open_max = 256;
  static constexpr std::size_t types_max = 8;
  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

  struct Partial {
    std::uint32_t bundles = 0;
    std::int64_t done = 0;
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
  bool is_hopeless(const Partial& partial, std::size_t next) const;
  BundleChoice choice_of(const Partial& partial) const;

  std::vector<BundleItem> items_;
  const std::vector<SiteRoom>& sites_;
  const StepLimits& limits_;
  std::uint32_t bundles_ = 0;
  std::int64_t wanted_ = 0;
  double ceiling_ = 0;
  std::vector<double> least_unit_;    ///< of the items from one on
  std::vector<double> least_bundle_;  ///< with one micro-batch
  std::vector<Partial> open_;
  std::vector<Step> steps_;
};

}  // namespace axs::plan
