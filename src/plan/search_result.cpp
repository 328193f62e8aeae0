#include "axs/plan/search_result.h"

#include <algorithm>
#include <tuple>

#include "axs/plan/rounded.h"
#include "axs/plan/wanted_plan.h"

namespace axs::plan {

RunnerUp runner_up(const Search& search, const Candidate& best, const Method& method,
                   const Stop& stop) {
  if (stop()) return {method, std::nullopt, not_compared};
  RunnerUp other{method, search.beside(best, method, stop),
                 "none with about as many replicas below twice the time"};
  if (stop()) return {method, std::nullopt, not_compared};
  if (!other.plan) return other;
  const double ratio = other.plan->step.total / best.plan.step.total;
  other.reason = rounded(other.plan->step.total.value()) +
                 " s a step with about as many replicas, " + rounded(100 * (ratio - 1)) +
                 " % longer";
  return other;
}

void sort_runners_up(std::vector<RunnerUp>& others) {
  std::ranges::sort(others, [](const RunnerUp& a, const RunnerUp& b) {
    const auto key = [](const RunnerUp& other) {
      const Method& how = other.method;
      return std::tuple{other.plan ? other.plan->step.total : no_limit,
                        other.reason == not_compared,
                        how.micro_batch,
                        how.recompute,
                        how.sharding,
                        how.whole_experts,
                        how.context};
    };
    return key(a) < key(b);
  });
}

void SearchSummary::take(Candidate found) {
  if (!best_ || better(found, *best_)) best_ = std::move(found);
}

Seconds SearchSummary::at_most() const {
  return best_ ? best_->plan.step.total : no_limit;
}

Result<SearchResult> SearchSummary::fastest() const {
  if (!best_) return search_.fits_nowhere();
  return SearchResult{best_->plan, {}, missed_text(search_.job(), search_.fleet(), best_->plan)};
}

Result<SearchResult> SearchSummary::result(const Stop& stop) const {
  SearchResult result = AXS_TRY(fastest());
  for (const Method& method : search_.methods())
    if (method != best_->plan.method)
      result.others.push_back(runner_up(search_, *best_, method, stop));
  sort_runners_up(result.others);
  return result;
}

Result<SearchResult> search(const Job& job, const Fleet& fleet, const Calibration& calibration) {
  const Search search = AXS_TRY(Search::of(job, fleet, calibration));
  SearchSummary summary{search};
  for (std::size_t unit = 0; unit < search.units(); ++unit)
    if (auto found = search.run(unit, summary.at_most())) summary.take(*std::move(found));
  return summary.result();
}

}  // namespace axs::plan
