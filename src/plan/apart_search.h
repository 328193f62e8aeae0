#pragma once

#include <optional>

#include "axs/plan/apart_choice.h"
#include "axs/plan/shared_work.h"
#include "axs/plan/unit_kinds.h"

namespace axs::plan {

/// The best plan of a unit for sites that step apart.
class ApartSearch {
 public:
  /// All sites together have `most` bundles or fewer.
  ApartSearch(const Search& search, const Search::Unit& unit, std::uint32_t most, const Stop& stop);

  /// The shortest step, up to a share of it that is `precise`. Nothing if none takes `at_most` or
  /// less, or if it was stopped before it found one.
  std::optional<TrainingPlan> best(Seconds at_most, double precise = exactly);

 private:
  Seconds limit_of(const SiteGroup& group, Seconds at_most) const;
  KindTable kinds(ReplicaRange bundles, bool exact);
  std::vector<const SiteGroup*> worth_a_look(const KindTable& any, Seconds at_most);
  std::optional<SharedWork> shortest(ApartChoice& choice, Seconds limit, double precise) const;

  const Search& search_;
  const Search::Unit& unit_;
  const Stop& stop_;
  ReplicaDemand demand_;
  UnitKinds kinds_;
  Seconds fixed_;
  Seconds limit_{};          ///< No replica may take longer.
  std::int64_t needed_ = 0;  ///< micro-batches, of any site that is in a plan within the limits
};

}  // namespace axs::plan
