#pragma once

#include <algorithm>
#include <vector>

#include "axs/fabric/link_plan.h"

/// Links for tests that have no scenario.
namespace axs::fabric::wires {

inline LinkPlan wire(std::uint32_t id, SiteId a, SiteId b, double megabits, int one_way_ms) {
  LinkPlan link;
  link.id = LinkId{id};
  link.a = a;
  link.b = b;
  link.forth.rate = link.back.rate = bits_per_second(megabits * 1e6);
  link.forth.delay = link.back.delay = milliseconds(one_way_ms);
  return link;
}

/// Down from `from` until `until`, in s.
inline LinkPlan broken(LinkPlan link, double from, double until) {
  link.forth_forecast = {
      {.one_way = link.forth.delay, .up = true},
      {.at = from_seconds(from), .up = false, .path = 1},
      {.at = from_seconds(until), .one_way = link.forth.delay, .up = true, .path = 2}};
  return link;
}

/// As they are stated to be.
inline net::Topology topology_of(const std::vector<LinkPlan>& links) {
  std::vector<SiteId> sites;
  std::vector<net::UnderlayLink> underlay;
  for (const LinkPlan& link : links) {
    for (const SiteId site : {link.a, link.b})
      if (std::ranges::find(sites, site) == sites.end()) sites.push_back(site);
    underlay.push_back(
        {link.id, link.a, link.b, link.forth.delay, link.forth.rate, link.back.rate});
  }
  return *net::Topology::make(std::move(sites), std::move(underlay));
}

}  // namespace axs::fabric::wires
