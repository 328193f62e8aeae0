#include "axs/net/candidate_paths.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace axs::net {
namespace {

constexpr std::int64_t unreachable = std::numeric_limits<std::int64_t>::max();
constexpr std::uint32_t no_link = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t extra_per_use = 2;

/// Sites to visit next: few at a time, so that a search through them beats a heap.
class Open {
 public:
  bool empty() const { return sites_.empty(); }
  /// Adds a site, or lowers its cost.
  void put(std::uint32_t site, std::int64_t cost) {
    for (auto& entry : sites_)
      if (entry.second == site) {
        entry.first = std::min(entry.first, cost);
        return;
      }
    sites_.emplace_back(cost, site);
  }
  /// Removes the site of least cost, of several the one with the least number.
  std::uint32_t take() {
    const auto least = std::min_element(sites_.begin(), sites_.end());
    const auto site = least->second;
    *least = sites_.back();
    sites_.pop_back();
    return site;
  }

 private:
  std::vector<std::pair<std::int64_t, std::uint32_t>> sites_;
};

Result<> check(const DirectedLink& link, std::size_t number, std::uint32_t sites) {
  const std::string name = "link " + std::to_string(number);
  for (const auto site : {link.from, link.to})
    if (site >= sites)
      return Error{Errc::invalid, name + ": site " + std::to_string(site) + ", want one below " +
                                      std::to_string(sites)};
  if (link.from == link.to)
    return Error{Errc::invalid,
                 name + ": both ends at site " + std::to_string(link.from) + ", want two sites"};
  if (link.latency < Duration{})
    return Error{Errc::invalid,
                 name + ": latency " + std::to_string(link.latency.ns) + " ns, want >= 0"};
  return Ok{};
}

}  // namespace

Result<CandidatePaths> CandidatePaths::make(std::uint32_t sites, std::vector<DirectedLink> links) {
  for (std::size_t number = 0; number < links.size(); ++number)
    AXS_TRY(check(links[number], number, sites));
  return CandidatePaths{sites, std::move(links)};
}

CandidatePaths::CandidatePaths(std::uint32_t sites, std::vector<DirectedLink> links)
    : sites_{sites},
      links_{std::move(links)},
      leaving_(sites),
      arriving_(sites),
      to_go_(sites, std::vector<std::int64_t>(sites, unreachable)) {
  for (std::uint32_t number = 0; number < links_.size(); ++number) {
    // Of two equal ways the one with fewer hops.
    links_[number].latency += nanoseconds(1);
    leaving_[links_[number].from].push_back(number);
    arriving_[links_[number].to].push_back(number);
  }
  for (std::uint32_t target = 0; target < sites; ++target) measure_to(target);
}

/// Dijkstra 1959, backwards from the target.
void CandidatePaths::measure_to(std::uint32_t target) {
  auto& to_go = to_go_[target];
  to_go[target] = 0;
  Open open;
  open.put(target, 0);
  while (!open.empty()) {
    const auto site = open.take();
    for (const auto number : arriving_[site]) {
      const auto& link = links_[number];
      const auto cost = to_go[site] + link.latency.ns;
      if (cost >= to_go[link.from]) continue;
      to_go[link.from] = cost;
      open.put(link.from, cost);
    }
  }
}

/// A* (Hart, Nilsson, Raphael 1968): what is still to go at least is known exactly, since a link
/// never counts less than its latency.
CandidatePaths::Path CandidatePaths::cheapest(std::uint32_t from, std::uint32_t to,
                                              const std::vector<int>& uses) const {
  const auto& to_go = to_go_[to];
  std::vector<std::int64_t> cost(sites_, unreachable);
  std::vector<std::uint32_t> came_by(sites_, no_link);
  cost[from] = 0;
  Open open;
  open.put(from, to_go[from]);
  while (!open.empty()) {
    const auto site = open.take();
    if (site == to) break;
    for (const auto number : leaving_[site]) {
      const auto& link = links_[number];
      if (to_go[link.to] == unreachable) continue;
      const auto next = cost[site] + link.latency.ns * (1 + extra_per_use * uses[number]);
      if (next >= cost[link.to]) continue;
      cost[link.to] = next;
      came_by[link.to] = number;
      open.put(link.to, next + to_go[link.to]);
    }
  }
  Path path;
  for (auto site = to; site != from; site = links_[path.back()].from) path.push_back(came_by[site]);
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<CandidatePaths::Path> CandidatePaths::between(std::uint32_t from, std::uint32_t to,
                                                          std::size_t count) const {
  std::vector<Path> found;
  if (from == to || to_go_[to][from] == unreachable) return found;
  std::vector<int> uses(links_.size());
  // A path may come a second time before its links count enough for another to be better.
  for (std::size_t tries = 0; tries < 2 * count && found.size() < count; ++tries) {
    auto path = cheapest(from, to, uses);
    for (const auto link : path) ++uses[link];
    if (std::find(found.begin(), found.end(), path) == found.end())
      found.push_back(std::move(path));
  }
  return found;
}

}  // namespace axs::net
