#include "axs/plan/site_groups.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace axs::plan {

namespace {

/// In order.
using SiteSet = std::vector<std::uint32_t>;

struct Join {
  SiteSet sites;
  Seconds exchange{};  ///< over the slowest of the links that join them
};

/// Which sites come together when one link after the other is added, the quickest first.
std::vector<Join> joins(const Fleet& fleet, const SiteSet& sites, Bytes size, std::uint32_t spell) {
  std::vector<Join> joins;
  std::map<std::uint32_t, std::size_t> join_of;
  for (const std::uint32_t site : sites) {
    join_of[site] = joins.size();
    joins.push_back({{site}, {}});
  }
  std::vector<std::pair<Seconds, std::size_t>> links;
  for (std::size_t i = 0; i < fleet.links.size(); ++i)
    if (fleet.links[i].spell == spell) links.emplace_back(exchange_time(size, fleet.links[i]), i);
  std::ranges::sort(links);
  for (const auto& [time, link] : links) {
    const auto from = join_of.find(fleet.links[link].from);
    const auto to = join_of.find(fleet.links[link].to);
    if (from == join_of.end() || to == join_of.end() || from->second == to->second) continue;
    Join both{{}, time};
    std::ranges::merge(joins[from->second].sites, joins[to->second].sites,
                       std::back_inserter(both.sites));
    for (const std::uint32_t site : both.sites) join_of[site] = joins.size();
    joins.push_back(std::move(both));
  }
  return joins;
}

Seconds exchange_of(const SiteSet& sites, const std::vector<Join>& joins) {
  const auto all = std::ranges::find_if(
      joins, [&](const Join& join) { return std::ranges::includes(join.sites, sites); });
  return all->exchange;
}

OuterOption every_step() {
  OuterOption option;
  option.sync.during_backward = false;
  return option;
}

/// Less often than in every step.
std::vector<OuterOption> seldom_options(const Job& job, std::size_t sites) {
  if (!job.loss_gap_max) return {};
  std::vector<OuterOption> options =
      outer_options(parameters(job.shape), job.shape.layers, sites, *job.loss_gap_max);
  std::erase_if(options, [](const OuterOption& option) { return option.sync.period == 1; });
  for (OuterOption& option : options) option.sync.during_backward = false;
  return options;
}

/// What is known of the sites before groups are made of them.
class Forecast {
 public:
  Forecast(const Fleet& fleet, const Job& job, const SiteSet& sites) : job_{job} {
    const Seconds always{1};
    lasts_ = fleet.spells.empty() ? std::vector{always} : fleet.spells;
    for (const Seconds lasts : lasts_) sum_ += lasts;
    std::set<Bytes> sizes;
    if (sites.size() > 1) sizes.insert(fragment_size(job, every_step().sync));
    for (std::size_t together = 2; together <= sites.size(); ++together)
      for (const OuterOption& option : seldom_options(job, together))
        sizes.insert(fragment_size(job, option.sync));
    for (const Bytes size : sizes)
      for (std::uint32_t spell = 0; spell < lasts_.size(); ++spell)
        joins_[{size, spell}] = joins(fleet, sites, size, spell);
  }

  /// Sets that are joined in every spell. Those that some links join for one spell and size, and
  /// what they have in common.
  std::set<SiteSet> sets() const {
    std::set<SiteSet> sets;
    for (const auto& [of, joins] : joins_) {
      std::set<SiteSet> common;
      for (const Join& join : joins) {
        if (of == joins_.begin()->first) common.insert(join.sites);
        for (const SiteSet& other : sets) {
          SiteSet both;
          std::ranges::set_intersection(join.sites, other, std::back_inserter(both));
          if (!both.empty()) common.insert(std::move(both));
        }
      }
      sets = std::move(common);
    }
    return sets;
  }

  SiteExchange exchange(const SiteSet& sites, const OuterOption& option) const {
    SiteExchange exchange{option, {}};
    const Bytes size = fragment_size(job_, option.sync);
    for (std::uint32_t spell = 0; spell < lasts_.size(); ++spell)
      exchange.forecast.push_back(
          {exchange_of(sites, joins_.at({size, spell})), lasts_[spell] / sum_});
    return exchange;
  }

 private:
  const Job& job_;
  std::vector<Seconds> lasts_;
  Seconds sum_{};
  std::map<std::pair<Bytes, std::uint32_t>, std::vector<Join>> joins_;  ///< by size and spell
};

}  // namespace

const SiteExchange* SiteGroup::best(Seconds step) const {
  const auto quickest = std::ranges::min_element(
      ways, {}, [&](const SiteExchange& way) { return way.exposed(step); });
  return quickest == ways.end() ? nullptr : &*quickest;
}

Seconds SiteGroup::after(Seconds step) const {
  const SiteExchange* way = best(step);
  return way == nullptr ? step : way->after(step);
}

Seconds SiteGroup::step_within(Seconds limit) const {
  if (ways.empty()) return limit;
  Seconds longest{};
  for (const SiteExchange& way : ways) longest = std::max(longest, way.step_within(limit));
  return longest;
}

Bytes fragment_size(const Job& job, const OuterSync& sync) {
  return Bytes{parameters(job.shape) * sync.bits / 8} / sync.fragments;
}

Seconds exchange_time(Bytes size, const SiteLink& link) {
  return size / link.rate + link.round_trip;
}

std::vector<SiteGroup> site_groups(const Fleet& fleet, const Job& job,
                                   const std::vector<std::uint32_t>& sites) {
  const Forecast forecast{fleet, job, sites};
  std::vector<SiteGroup> groups;
  for (const std::uint32_t site : sites) groups.push_back({{site}, 1, {}});
  for (const SiteSet& set : forecast.sets()) {
    const auto all = static_cast<std::uint32_t>(set.size());
    if (all == 1) continue;
    groups.push_back({set, all, {forecast.exchange(set, every_step())}});
    std::vector<OuterOption> known;
    for (std::uint32_t most = all; most > 1; --most) {
      std::vector<OuterOption> allowed = seldom_options(job, most);
      if (allowed == known) continue;
      known = std::move(allowed);
      SiteGroup& group = groups.emplace_back(SiteGroup{set, most, {}});
      for (const OuterOption& option : known) group.ways.push_back(forecast.exchange(set, option));
    }
  }
  std::ranges::sort(groups, [](const SiteGroup& a, const SiteGroup& b) {
    const auto key = [](const SiteGroup& g) {
      return std::tuple{g.sites.size(), g.step_apart(), g.sites_max};
    };
    return key(a) != key(b) ? key(a) < key(b) : a.sites < b.sites;
  });
  return groups;
}

}  // namespace axs::plan
