#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace axs::plan {

/// Drops things that others of the same class beat, and of more than `most` that are left those
/// with the highest score. Of things that score the same the first ones stay.
template <class Thing, class Score, class ClassOf, class Beats>
void keep_best(std::vector<Thing>& things, std::size_t most, const Score& score,
               const ClassOf& class_of, const Beats& beats) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < things.size(); ++i) order.emplace_back(score(things[i]), i);
  std::ranges::sort(order);
  std::vector<Thing> kept;
  kept.reserve(std::min(most, things.size()));
  std::map<std::uint32_t, std::vector<std::size_t>> by_class;
  for (const auto& [of_thing, i] : order) {
    if (kept.size() == most) break;
    std::vector<std::size_t>& alike = by_class[class_of(things[i])];
    if (std::ranges::any_of(alike, [&](std::size_t k) { return beats(kept[k], things[i]); }))
      continue;
    alike.push_back(kept.size());
    kept.push_back(std::move(things[i]));
  }
  things = std::move(kept);
}

}  // namespace axs::plan
