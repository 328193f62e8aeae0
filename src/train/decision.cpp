#include "axs/train/decision.h"

#include <algorithm>

namespace axs::train {

namespace {

/// A transport carries no larger message.
constexpr std::uint64_t contribution_max = std::uint64_t{1} << 29;

}  // namespace

bool well_formed(const Contribution& contribution, std::uint32_t sites) {
  return contribution.site.value < sites && contribution.tokens.begin <= contribution.tokens.end &&
         contribution.size <= contribution_max;
}

bool well_formed(const Decision& decision, std::uint32_t sites) {
  const auto& members = decision.members;
  const auto not_before = [](const Contribution& a, const Contribution& b) {
    return a.site >= b.site;
  };
  return std::adjacent_find(members.begin(), members.end(), not_before) == members.end() &&
         std::all_of(members.begin(), members.end(),
                     [&](const Contribution& member) { return well_formed(member, sites); });
}

}  // namespace axs::train
