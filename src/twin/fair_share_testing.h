#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "axs/core/id.h"

/// For tests: max-min fair levels by the book.
namespace axs::twin::testing {

struct Wanted {
  std::vector<LinkId> path;
  double cap = std::numeric_limits<double>::infinity();
  std::uint64_t weight = 1;
};
using Bundles = std::map<std::uint32_t, Wanted>;

/// Progressive filling as the textbook has it, from nothing: raise all levels together until a link
/// is full or a cap is reached, fix what that concerns, go on with the rest.
inline std::map<std::uint32_t, double> fill(const std::vector<double>& capacities,
                                            const Bundles& all) {
  std::map<std::uint32_t, double> levels;
  while (levels.size() < all.size()) {
    std::vector<double> left = capacities;
    std::vector<double> weight(capacities.size());
    for (const auto& [id, bundle] : all)
      for (const LinkId link : bundle.path)
        if (levels.contains(id))
          left[link.value] -= levels[id] * static_cast<double>(bundle.weight);
        else
          weight[link.value] += static_cast<double>(bundle.weight);
    double lowest = std::numeric_limits<double>::infinity();
    std::map<std::uint32_t, double> stops;
    for (const auto& [id, bundle] : all) {
      if (levels.contains(id)) continue;
      double stop = bundle.path.empty() ? 0 : bundle.cap;
      for (const LinkId link : bundle.path)
        stop = std::min(stop, std::max(0.0, left[link.value]) / weight[link.value]);
      stops[id] = stop;
      lowest = std::min(lowest, stop);
    }
    for (const auto& [id, stop] : stops)
      if (stop == lowest) levels[id] = stop;
  }
  return levels;
}

}  // namespace axs::twin::testing
