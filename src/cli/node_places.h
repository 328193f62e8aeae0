#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace axs::cli {

/// How many tensor groups there are of each width, the widest first.
using GroupsByWidth = std::map<std::uint32_t, std::uint64_t, std::greater<>>;

/// Groups of a width for not all of which there are places beside those that are wider.
struct CrowdedOut {
  std::uint32_t width = 0;
  std::uint64_t groups = 0;
  std::uint64_t places = 0;
};

/// Empty if all groups fit, each within one node, of so many devices in nodes of `node` and one
/// that is not full; else the widest that do not. plan::PoolRoom says the same of widths that a
/// search mixes; a plan by hand may mix any. The widest first, each goes into the fullest node with
/// room for it: where widths do not divide each other that may miss a way to fit them all.
std::optional<CrowdedOut> crowded_out(const GroupsByWidth& groups, std::uint32_t node,
                                      std::uint64_t devices);

}  // namespace axs::cli
