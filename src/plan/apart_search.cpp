#include "axs/plan/apart_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "axs/plan/rounding.h"
#include "axs/plan/site_options.h"

namespace axs::plan {

ApartSearch::ApartSearch(const Search& search, const Search::Unit& unit, std::uint32_t most,
                         const Stop& stop)
    : search_{search},
      unit_{unit},
      stop_{stop},
      demand_{most, unit.bundle, search.micro_batches(search.methods_[unit.method].method)},
      kinds_{search, unit, no_limit, stop},
      fixed_{kinds_.builder({1, most}).fixed()} {}

std::optional<TrainingPlan> ApartSearch::best(Seconds at_most, double precise) {
  std::optional<TrainingPlan> best;
  for (const SiteGroup& group : search_.groups_)
    if (group.step_apart()) limit_ = std::max(limit_, limit_of(group, at_most));
  KindsByCount by_count{demand_.bundles,
                        [&](auto bundles, bool exact) { return kinds(bundles, exact); }};
  for (const SiteGroup* group : worth_a_look(by_count.parts().begin()->second.kinds, at_most)) {
    if (stop_()) return best;
    ApartChoice choice{by_count, {demand_, group->sites_max}, search_.devices_of(*group), stop_};
    const auto shared = shortest(choice, limit_of(*group, at_most), precise);
    if (!shared || stop_()) continue;
    TrainingPlan plan = search_.plan_of(*shared, *group, kinds_.builders(shared->groups, *group));
    if (best && best->step.total <= plan.step.total) continue;
    at_most = std::min(at_most, plan.step.total);
    best = std::move(plan);
  }
  return best;
}

Seconds ApartSearch::limit_of(const SiteGroup& group, Seconds at_most) const {
  return group.step_within(at_most * (1 + rounding)) - fixed_;
}

/// Those with which a site may be in a plan within the limits.
KindTable ApartSearch::kinds(ReplicaRange bundles, bool exact) {
  const KindBuilder& builder = kinds_.builder(bundles);
  const auto families = search_.families(builder, unit_.pipelines, {limit_, bundles.most, needed_});
  return exact ? search_.cut(builder, families, limit_, stop_)
               : search_.bounds_of(builder, families);
}

/// Those that could do all if each site had the best that any number of bundles has. A site is
/// needed for what all others cannot do.
std::vector<const SiteGroup*> ApartSearch::worth_a_look(const KindTable& any, Seconds at_most) {
  std::vector<const SiteGroup*> groups;
  const std::int64_t wanted = demand_.of_all_bundles();
  double needed = static_cast<double>(wanted);
  for (const SiteGroup& group : search_.groups_) {
    if (!group.step_apart()) continue;
    const KindsWithin kinds{any, limit_of(group, at_most), wanted};
    std::vector<double> most;
    for (const std::uint32_t site : group.sites)
      most.push_back(kinds.most_of(rooms_of(search_.devices_[site], any.widths, unit_.bundle),
                                   {1, demand_.bundles}));
    const double over =
        std::accumulate(most.begin(), most.end(), 0.0) - (static_cast<double>(wanted) - 0.5);
    if (over <= 0) continue;
    for (const double mine : most) needed = std::min(needed, mine - over);
    groups.push_back(&group);
  }
  needed_ = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(needed)));
  return groups;
}

/// The replicas that are done first. Times are halved between powers of two, so that the result
/// does not depend on `limit`, unless that is too short: then there is none.
std::optional<SharedWork> ApartSearch::shortest(ApartChoice& choice, Seconds limit,
                                                double precise) const {
  if (limit <= Seconds{} || !choice.is_possible(limit)) return std::nullopt;
  Seconds low{}, high{1};
  while (high < limit) high = 2 * high;
  while (0.5 * high >= limit) high = 0.5 * high;
  while (high - low > precise * high && !stop_()) {
    const Seconds middle = 0.5 * (low + high);
    (middle >= limit || choice.is_possible(middle) ? high : low) = middle;
  }
  const Seconds time = std::min(high, limit);
  const auto chosen = choice.within(time);
  if (!chosen) return std::nullopt;
  return share_work(*chosen, demand_, time);
}

}  // namespace axs::plan
