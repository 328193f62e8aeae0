#include "axs/train/decision.h"

#include <algorithm>

namespace axs::train {

namespace {

/// No shard is longer; sums over all sites stay far from the end of 64 bits.
constexpr std::uint64_t position_max = std::uint64_t{1} << 48;

}  // namespace

bool well_formed(const Contribution& contribution, const Bounds& bounds) {
  const TokenRange& tokens = contribution.tokens;
  return contribution.site.value < bounds.sites && tokens.begin <= tokens.end &&
         tokens.end <= position_max && contribution.size <= bounds.contribution;
}

bool well_formed(const Decision& decision, const Bounds& bounds) {
  const auto in_order = [](const auto& a, const auto& b) { return a.site < b.site; };
  const auto unordered = [&](const auto& list) {
    return std::adjacent_find(list.begin(), list.end(), [&](const auto& a, const auto& b) {
             return !in_order(a, b);
           }) != list.end();
  };
  return !unordered(decision.members) && !unordered(decision.stops) &&
         std::all_of(decision.members.begin(), decision.members.end(),
                     [&](const Contribution& member) { return well_formed(member, bounds); }) &&
         std::all_of(decision.stops.begin(), decision.stops.end(), [&](const StopAt& stop) {
           return stop.site.value < bounds.sites && stop.position <= position_max;
         });
}

}  // namespace axs::train
