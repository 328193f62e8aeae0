#include "axs/net/topology.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "axs/core/assert.h"

namespace axs::net {

namespace {

/// A candidate and what its links carry the other way.
struct BothWays {
  CandidatePath path;
  BytesPerSecond rate_back;
};

BytesPerSecond least(BytesPerSecond a, BytesPerSecond b) {
  return std::min(a, b);  // An unknown rate is 0, so it makes the whole unknown.
}

Error bad_link(const UnderlayLink& link, const std::string& seen, const std::string& wanted) {
  return {Errc::invalid,
          "link " + std::to_string(link.id.value) + ": " + seen + ", want " + wanted};
}

CandidatePath reversed(const BothWays& forward) {
  CandidatePath path = forward.path;
  std::reverse(path.links.begin(), path.links.begin() + path.hops);
  path.rate = forward.rate_back;
  return path;
}

}  // namespace

RelayLinks CandidatePath::relay_links() const {
  static_assert(max_hops - 1 <= RelayLinks::max);
  RelayLinks relays;
  for (std::size_t i = 1; i < hops; ++i) relays.links[relays.count++] = links[i];
  return relays;
}

bool link_disjoint(const CandidatePath& a, const CandidatePath& b) {
  for (const LinkId link : a.span())
    if (std::find(b.span().begin(), b.span().end(), link) != b.span().end()) return false;
  return true;
}

Result<Topology> Topology::make(std::vector<SiteId> sites, std::vector<UnderlayLink> links) {
  Topology topology;
  topology.sites_ = std::move(sites);
  std::sort(topology.sites_.begin(), topology.sites_.end());
  const auto twice = std::adjacent_find(topology.sites_.begin(), topology.sites_.end());
  if (twice != topology.sites_.end())
    return Error{Errc::invalid,
                 "site " + std::to_string(twice->value) + ": listed twice, want each once"};
  const std::size_t count = topology.sites_.size();
  topology.outgoing_.resize(count * count);
  topology.paths_.resize(count * count);
  std::sort(links.begin(), links.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  for (const UnderlayLink& link : links) AXS_TRY(topology.add(link));
  for (std::size_t high = 0; high < count; ++high)
    for (std::size_t low = 0; low < high; ++low) topology.enumerate(low, high);
  return topology;
}

Result<> Topology::add(const UnderlayLink& link) {
  const auto a = index(link.a);
  const auto b = index(link.b);
  if (!a || !b)
    return bad_link(link, "site " + std::to_string((a ? link.b : link.a).value) + " at one end",
                    "a listed site");
  if (a == b)
    return bad_link(link, "both ends at site " + std::to_string(link.a.value), "two sites");
  if (!links_.empty() && links_.back().id == link.id)
    return bad_link(link, "the id given twice", "each id once");
  links_.push_back(link);
  outgoing_[cell(*a, *b)].push_back({link.id, link.nominal, link.rate_ab, link.rate_ba});
  outgoing_[cell(*b, *a)].push_back({link.id, link.nominal, link.rate_ba, link.rate_ab});
  return Ok{};
}

void Topology::enumerate(std::size_t low, std::size_t high) {
  std::vector<BothWays> found;
  for (const Outgoing& link : outgoing_[cell(low, high)])
    found.push_back({{{}, {link.id}, 1, link.nominal, link.rate}, link.rate_back});
  for (std::size_t relay = 0; relay < sites_.size(); ++relay)
    for (const Outgoing& first : outgoing_[cell(low, relay)])
      for (const Outgoing& second : outgoing_[cell(relay, high)])
        found.push_back({{{},
                          {first.id, second.id},
                          2,
                          first.nominal + second.nominal,
                          least(first.rate, second.rate)},
                         least(first.rate_back, second.rate_back)});
  std::sort(found.begin(), found.end(), [](const BothWays& a, const BothWays& b) {
    return std::tie(a.path.hops, a.path.nominal, a.path.links) <
           std::tie(b.path.hops, b.path.nominal, b.path.links);
  });
  found.resize(std::min(found.size(), max_paths));
  for (std::size_t i = 0; i < found.size(); ++i) {
    found[i].path.id = PathId{static_cast<std::uint8_t>(i)};
    paths_[cell(low, high)].push_back(found[i].path);
    paths_[cell(high, low)].push_back(reversed(found[i]));
  }
}

std::optional<std::size_t> Topology::index(SiteId site) const {
  const auto found = std::lower_bound(sites_.begin(), sites_.end(), site);
  if (found == sites_.end() || *found != site) return {};
  return static_cast<std::size_t>(found - sites_.begin());
}

const std::vector<CandidatePath>& Topology::paths(SiteId from, SiteId to) const {
  const auto a = index(from);
  const auto b = index(to);
  AXS_ASSERT(a && b && a != b);
  return paths_[cell(*a, *b)];
}

}  // namespace axs::net
