#pragma once

#include <functional>
#include <map>

#include "axs/plan/replica_choice.h"

namespace axs::plan {

/// The last of the first half of a range. What sharing saves goes by 1 / n, so that halves are
/// alike in ratio.
std::uint32_t middle_of(ReplicaRange bundles);

/// Kinds where a site has so many bundles.
struct CountedKinds {
  ReplicaRange bundles;
  bool are_exact = false;  ///< else those of no number of the range are better
  KindTable kinds;
};

/// Kinds of a site that steps apart, by how many bundles it has, from one to some: at first of all
/// these numbers together, then as much finer as someone asks for.
class KindsByCount {
 public:
  using Build = std::function<KindTable(ReplicaRange bundles, bool exact)>;
  /// By the least number of bundles.
  using Parts = std::map<std::uint32_t, CountedKinds>;

  KindsByCount(std::uint32_t most, Build build);

  /// What is exact stays where it is.
  const Parts& parts() const { return parts_; }
  /// A range is halved; a number gets its very kinds.
  std::vector<const CountedKinds*> refine(std::uint32_t least);

 private:
  const CountedKinds* add(ReplicaRange bundles, bool exact);

  Build build_;
  Parts parts_;
};

}  // namespace axs::plan
