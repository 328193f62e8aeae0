#include "axs/cli/plan_wanted.h"

#include <algorithm>

#include "axs/plan/wanted_plan.h"

namespace axs::cli {

bool WatchedSearch::operator()(double share) {
  // While another thread asks, what was last said is new enough: many of them do not queue here.
  const std::unique_lock lock{mutex_, std::try_to_lock};
  if (ended_ || !lock) return !ended_;
  progress_.show(share);
  share_ = share;
  ended_ = patience_.is_over();
  return !ended_;
}

void look_for_wanted(PlanOverLinks& planned, Patience& patience) {
  const plan::Job& job = planned.job.job;
  if (!plan::wants_more_than_time(job, planned.job.fleet)) return;
  WatchedSearch watched{patience};
  FoundOnCores& found = planned.found;
  auto wanted = plan::wanted_plan(
      plan::FrugalSearch{planned.search, first_on_cores}, job, found.result.plan,
      [&](double share) { return watched(share); }, planned.known);
  // What takes least of something else was looked for whether the fastest was found or not.
  const double fastest = job.objective == plan::Objective::time ? found.searched : 1;
  if (wanted.plan != found.result.plan) found.fastest.reset();
  found.result = {std::move(wanted.plan), {}, std::move(wanted.unmet)};
  found.searched = std::min(fastest, watched.searched());
}

}  // namespace axs::cli
