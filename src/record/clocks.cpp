#include "axs/record/clocks.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace axs::record {
namespace {

/// bounds[{a, b}]: the clock of b is at most that far ahead of that of a.
using Bounds = std::map<std::pair<std::string, std::string>, Duration>;

/// Beyond this, clocks contradict each other (their drift may make them): nothing follows any more.
constexpr Duration sane{std::int64_t{1} << 60};

void tighten(Bounds& bounds, const std::string& a, const std::string& b, Duration most) {
  if (most > sane || most < -sane) return;
  const auto [held, added] = bounds.emplace(std::pair{a, b}, most);
  if (!added) held->second = std::min(held->second, most);
}

std::optional<Duration> bound(const Bounds& bounds, const std::string& a, const std::string& b) {
  const auto found = bounds.find({a, b});
  return found == bounds.end() ? std::nullopt : std::optional{found->second};
}

Duration between(std::optional<Duration> upper, std::optional<Duration> lower) {
  if (upper && lower) return (*upper + *lower) / 2;
  return upper ? *upper : lower.value_or(Duration{});
}

}  // namespace

std::map<std::string, Duration> clock_offsets(std::span<const Order> orders,
                                              const std::string& reference) {
  Bounds bounds;
  std::set<std::string> sites;
  for (const Order& order : orders) {
    sites.insert({order.earlier, order.later});
    tighten(bounds, order.earlier, order.later, order.later_at - order.earlier_at);
  }
  for (const auto& via : sites)
    for (const auto& a : sites)
      for (const auto& b : sites) {
        const auto first = bound(bounds, a, via), second = bound(bounds, via, b);
        if (a != b && first && second) tighten(bounds, a, b, *first + *second);
      }
  std::map<std::string, Duration> offsets;
  for (const auto& site : sites) {
    const auto upper = bound(bounds, reference, site);
    auto lower = bound(bounds, site, reference);
    if (lower) lower = -*lower;
    offsets[site] = site == reference ? Duration{} : between(upper, lower);
  }
  return offsets;
}

}  // namespace axs::record
