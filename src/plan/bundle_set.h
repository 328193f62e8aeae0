#pragma once

#include <cstdint>
#include <vector>

#include "axs/plan/frugal_prices.h"

namespace axs::plan {

/// Bundles that are chosen from a list of items, and what they score with any work: each does a
/// micro-batch, and those whose micro-batches are cheap do most of the others.
struct BundleSet {
  struct Part {
    std::uint32_t item = 0;   ///< its number in the list, those with cheap micro-batches first
    std::uint32_t count = 0;  ///< bundles
    double more = 0;          ///< micro-batches, beyond one of each
    double micro_batch = 0;   ///< what each of these scores
    double money = 0;         ///< what each of these costs
  };

  std::uint32_t bundles = 0;
  std::uint32_t sites = 0;
  double done = 0;     ///< micro-batches at most
  double score = 0;    ///< if each bundle does one micro-batch
  double money = 0;    ///< in that case
  double reduced = 0;  ///< score less what bundles and micro-batches are worth, at the least
  Watts power{};
  std::vector<Part> parts{};  ///< in order of items

  /// `each`: what is reduced by one.
  void add(std::uint32_t number, const BundleItem& item, std::uint32_t count, double each);
  /// Bundles of such an item.
  std::uint32_t count_of(std::uint32_t number) const;
  /// Those of another site besides.
  BundleSet with(const BundleSet& other) const;

  /// With no less work than one micro-batch each; endless if it is more than they can do.
  double score_of(double work) const;
  /// What it costs then.
  double money_of(double work) const;
  /// In money, with as much work as the other one can do, and with as little.
  bool costs_no_more_than(const BundleSet& other, double wanted) const;
  /// Whatever the other one does, up to `wanted`, it does at no more.
  bool is_never_dearer_than(const BundleSet& other, double wanted) const;
};

}  // namespace axs::plan
