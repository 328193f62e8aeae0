#include "axs/plan/counted_kinds.h"

#include <cmath>
#include <utility>

#include "axs/core/assert.h"

namespace axs::plan {

std::uint32_t middle_of(ReplicaRange bundles) {
  const double product = static_cast<double>(bundles.least) * bundles.most;
  return std::min(static_cast<std::uint32_t>(std::sqrt(product)), bundles.most - 1);
}

KindsByCount::KindsByCount(std::uint32_t most, Build build) : build_{std::move(build)} {
  add({1, most}, false);
}

std::vector<const CountedKinds*> KindsByCount::refine(std::uint32_t least) {
  const CountedKinds& part = parts_.at(least);
  AXS_ASSERT(!part.are_exact);
  const ReplicaRange bundles = part.bundles;
  parts_.erase(least);
  if (bundles.is_one()) return {add(bundles, true)};
  const std::uint32_t middle = middle_of(bundles);
  return {add({bundles.least, middle}, false), add({middle + 1, bundles.most}, false)};
}

const CountedKinds* KindsByCount::add(ReplicaRange bundles, bool exact) {
  CountedKinds part{bundles, exact, build_(bundles, exact)};
  return &parts_.emplace(bundles.least, std::move(part)).first->second;
}

}  // namespace axs::plan
