#include "axs/plan/search_result.h"

#include <algorithm>

#include "axs/plan/rounded.h"

namespace axs::plan {

namespace {

std::string slower(const TrainingPlan& plan, const TrainingPlan& best) {
  const double ratio = plan.step.total / best.step.total;
  return "none found below " + rounded(plan.step.total.value()) + " s a step, " +
         rounded(100 * (ratio - 1)) + " % longer";
}

std::string unmet(const Job& job, const TrainingPlan& plan) {
  if (!job.deadline || plan.duration <= *job.deadline) return {};
  constexpr double day = 86400;
  return "deadline: " + rounded(job.deadline->value() / day) +
         " days from now, the fastest plan needs " + rounded(plan.duration.value() / day);
}

}  // namespace

void SearchSummary::take(Candidate found) {
  const Method method = found.plan.method;
  const auto same = std::ranges::find_if(
      best_of_methods_, [&](const Candidate& c) { return c.plan.method == method; });
  if (same == best_of_methods_.end())
    best_of_methods_.push_back(std::move(found));
  else if (better(found, *same))
    *same = std::move(found);
  std::ranges::sort(best_of_methods_, better);
}

Seconds SearchSummary::at_most() const {
  return best_of_methods_.empty() ? no_limit : best_of_methods_.front().plan.step.total;
}

Result<SearchResult> SearchSummary::result() const {
  if (best_of_methods_.empty()) return search_.fits_nowhere();
  SearchResult result;
  result.plan = best_of_methods_.front().plan;
  result.unmet = unmet(search_.job(), result.plan);
  const auto is_known = [&](const Method& method) {
    return std::ranges::any_of(best_of_methods_,
                               [&](const Candidate& c) { return c.plan.method == method; });
  };
  for (std::size_t i = 1; i < best_of_methods_.size(); ++i) {
    const TrainingPlan& plan = best_of_methods_[i].plan;
    result.others.push_back({plan.method, plan, slower(plan, result.plan)});
  }
  for (const Method& method : search_.methods())
    if (!is_known(method))
      result.others.push_back(
          {method, std::nullopt, "none found within " + rounded(at_most().value()) + " s a step"});
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
