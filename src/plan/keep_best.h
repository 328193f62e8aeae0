#pragma once

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

namespace axs::plan {

/// Drops things that others beat, and of more than `most` that are left those with the highest
/// score. Of things that score the same the first ones stay.
template <class Thing, class Score, class Beats>
void keep_best(std::vector<Thing>& things, std::size_t most, const Score& score,
               const Beats& beats) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < things.size(); ++i) order.emplace_back(score(things[i]), i);
  std::ranges::sort(order);
  std::vector<Thing> kept;
  for (const auto& [of_thing, i] : order) {
    if (kept.size() == most) break;
    if (std::ranges::none_of(kept, [&](const Thing& k) { return beats(k, things[i]); }))
      kept.push_back(std::move(things[i]));
  }
  things = std::move(kept);
}

}  // namespace axs::plan
