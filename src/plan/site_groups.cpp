#include "axs/plan/site_groups.h"

#include <algorithm>
#include <utility>

namespace axs::plan {

Seconds exchange_time(Bytes gradients, const SiteLink& link) {
  return gradients / link.rate + link.round_trip;
}

std::vector<SiteGroup> site_groups(const Fleet& fleet, const std::vector<std::uint32_t>& sites,
                                   Bytes gradients) {
  std::vector<SiteGroup> groups;
  std::vector<std::size_t> group_of(fleet.sites.size(), sites.size());
  for (const std::uint32_t site : sites) {
    group_of[site] = groups.size();
    groups.push_back({{site}, Seconds{}});
  }
  std::vector<std::pair<Seconds, std::size_t>> links;
  for (std::size_t i = 0; i < fleet.links.size(); ++i)
    links.emplace_back(exchange_time(gradients, fleet.links[i]), i);
  std::ranges::sort(links);
  for (const auto& [time, link] : links) {
    const auto [from, to] = std::pair{fleet.links[link].from, fleet.links[link].to};
    const auto is_in = [&](std::uint32_t site) {
      return std::ranges::find(sites, site) != sites.end();
    };
    if (!is_in(from) || !is_in(to) || group_of[from] == group_of[to]) continue;
    SiteGroup both = groups[group_of[from]];
    const SiteGroup& other = groups[group_of[to]];
    both.sites.insert(both.sites.end(), other.sites.begin(), other.sites.end());
    both.exchange = time;
    std::ranges::sort(both.sites);
    for (const std::uint32_t site : both.sites) group_of[site] = groups.size();
    groups.push_back(std::move(both));
  }
  return groups;
}

}  // namespace axs::plan
