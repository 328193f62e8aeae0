#include "axs/plan/apart_search.h"

#include <algorithm>
#include <cmath>

#include "axs/core/assert.h"
#include "axs/plan/rounding.h"
#include "axs/plan/shortest_work.h"
#include "axs/plan/site_options.h"

namespace axs::plan {

const KindBuilder& ApartKinds::builder(ReplicaRange bundles) {
  const std::pair key{bundles.least, bundles.most};
  if (const auto known = builders_.find(key); known != builders_.end()) return known->second;
  return builders_.emplace(key, search_.builder_for(unit_, bundles)).first->second;
}

const BuiltKinds& ApartKinds::of(ReplicaRange bundles) {
  const std::pair key{bundles.least, bundles.most};
  if (const auto known = built_.find(key); known != built_.end()) return known->second;
  const KindBuilder& builder = this->builder(bundles);
  KindTable table = search_.kinds(builder, unit_.pipelines, stop_);
  return built_.emplace(key, BuiltKinds{builder, std::move(table)}).first->second;
}

BuilderOfSite ApartKinds::builders(const std::vector<ReplicaGroup>& replicas,
                                   const SiteGroup& group) {
  std::vector<std::uint32_t> counts(search_.devices_.size());
  for (const ReplicaGroup& alike : replicas) counts[group.sites[alike.site]] += alike.replicas;
  BuilderOfSite builders(counts.size());
  for (std::size_t site = 0; site < counts.size(); ++site) {
    if (counts[site] == 0) continue;
    // Replicas of a bundle may differ in micro-batches, so that groups are no whole bundles.
    AXS_ASSERT(counts[site] % unit_.bundle == 0);
    const std::uint32_t bundles = counts[site] / unit_.bundle;
    builders[site] = &builder({bundles, bundles});
  }
  return builders;
}

ApartSearch::ApartSearch(const Search& search, const Search::Unit& unit, ReplicaRange bundles,
                         const Stop& stop)
    : search_{search},
      unit_{unit},
      bundles_{bundles},
      stop_{stop},
      demand_{bundles.most, unit.bundle, search.micro_batches(search.methods_[unit.method].method)},
      wanted_{demand_.of_all_bundles()},
      counts_{apart_counts(bundles.most)},
      kinds_{search, unit, stop},
      fixed_{kinds_.builder({1, bundles.most}).fixed()} {}

std::optional<TrainingPlan> ApartSearch::best(Seconds at_most) {
  std::optional<TrainingPlan> best;
  for (const SiteGroup& group : search_.groups_)
    if (group.step_apart()) limit_ = std::max(limit_, limit_of(group, at_most));
  const std::vector<Sites> all = worth_a_look(at_most);
  std::vector<CountedKinds> useful;
  if (!all.empty()) list_useful(0, counts_.size(), all, useful);
  if (useful.empty()) return best;
  for (const Sites& sites : all) {
    if (stop_()) return best;
    const SiteGroup& group = *sites.group;
    const auto devices = search_.devices_of(group);
    const Seconds limit = limit_of(group, at_most);
    if (!ApartChoice{useful, demand_, bundles_, devices, group.sites_max}.within(limit)) continue;
    // The halving begins with all kinds, whatever is known already to be of use.
    const ApartChoice choice{all_kinds(), demand_, bundles_, devices, group.sites_max};
    const auto shared = shortest(choice, demand_, limit, stop_);
    if (!shared || stop_()) continue;
    TrainingPlan plan = search_.plan_of(*shared, group, kinds_.builders(shared->groups, group));
    if (best && best->step.total <= plan.step.total) continue;
    at_most = std::min(at_most, plan.step.total);
    best = std::move(plan);
  }
  return best;
}

Seconds ApartSearch::limit_of(const SiteGroup& group, Seconds at_most) const {
  return group.step_within(at_most * (1 + rounding)) - fixed_;
}

const ApartSearch::Bounds& ApartSearch::bounds_of(ReplicaRange bundles) {
  const std::pair key{bundles.least, bundles.most};
  if (const auto known = bounds_.find(key); known != bounds_.end()) return known->second;
  const KindBuilder& builder = kinds_.builder(bundles);
  auto families = search_.families(builder, unit_.pipelines, {limit_, bundles.most, needed_});
  KindTable least = search_.bounds_of(builder, families);
  return bounds_.emplace(key, Bounds{std::move(families), std::move(least)}).first->second;
}

/// Those with which a site may be in a plan within the limits, if it has so many bundles.
const KindTable& ApartSearch::of_use(ReplicaRange bundles) {
  const auto [place, is_new] = of_use_.try_emplace(bundles.most);
  if (is_new)
    place->second =
        search_.cut(kinds_.builder(bundles), bounds_of(bundles).families, limit_, stop_);
  return place->second;
}

std::vector<CountedKinds> ApartSearch::all_kinds() {
  std::vector<CountedKinds> all;
  for (const std::uint32_t count : counts_)
    all.push_back({count, &kinds_.of({count, count}).table});
  return all;
}

/// Those that could do all if each had the best that any number of bundles has. A site is needed
/// for what all others cannot do.
std::vector<ApartSearch::Sites> ApartSearch::worth_a_look(Seconds at_most) {
  std::vector<Sites> all;
  double needed = static_cast<double>(wanted_);
  for (const SiteGroup& group : search_.groups_) {
    if (!group.step_apart()) continue;
    Sites sites{&group, limit_of(group, at_most)};
    sites.most = most_of({1, bundles_.most}, sites);
    for (const double most : sites.most) sites.all += most;
    const double over = sites.all - (static_cast<double>(wanted_) - 0.5);
    if (over <= 0) continue;
    for (const double most : sites.most) needed = std::min(needed, most - over);
    all.push_back(std::move(sites));
  }
  needed_ = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(needed)));
  return all;
}

/// That each of the sites does with so many bundles, without rounding.
std::vector<double> ApartSearch::most_of(ReplicaRange bundles, const Sites& sites) {
  const KindTable& table = bounds_of(bundles).least;
  const KindsWithin kinds{table, sites.limit, wanted_};
  const double of_all = static_cast<double>(bundles.most * kinds.most_of_one());
  std::vector<double> most;
  for (const std::uint32_t site : sites.group->sites) {
    const SiteRoom room = rooms_of(search_.devices_[site], table.widths, unit_.bundle);
    most.push_back(std::min(kinds.most_of(room), of_all));
  }
  return most;
}

/// Whether a site with so many bundles may be in a plan within the limits.
bool ApartSearch::may_help(ReplicaRange bundles, const std::vector<Sites>& all) {
  return std::ranges::any_of(all, [&](const Sites& sites) {
    const std::vector<double> mine = most_of(bundles, sites);
    for (std::size_t i = 0; i < mine.size(); ++i)
      if (mine[i] > 0 && sites.all - sites.most[i] + mine[i] > static_cast<double>(wanted_) - 0.5)
        return true;
    return false;
  });
}

void ApartSearch::list_useful(std::size_t begin, std::size_t end, const std::vector<Sites>& all,
                              std::vector<CountedKinds>& useful) {
  const ReplicaRange bundles{counts_[begin], counts_[end - 1]};
  if (stop_() || !may_help(bundles, all)) return;
  if (bundles.is_one()) {
    useful.push_back({bundles.least, &of_use(bundles)});
    return;
  }
  const std::size_t middle = (begin + end) / 2;
  list_useful(begin, middle, all, useful);
  list_useful(middle, end, all, useful);
}

}  // namespace axs::plan
