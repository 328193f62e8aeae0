#include "axs/plan/job.h"

#include <algorithm>
#include <cmath>

#include "axs/plan/rounded.h"

namespace axs::plan {

bool Job::may_run_in(const std::string& jurisdiction) const {
  return jurisdictions.empty() ||
         std::ranges::find(jurisdictions, jurisdiction) != jurisdictions.end();
}

double steps(const Job& job) {
  return std::ceil(job.tokens / (static_cast<double>(job.global_batch) * job.sequence));
}

Result<> check(const Job& job) {
  AXS_TRY(check(job.shape,
                {.global_batch = job.global_batch, .sequence = job.sequence, .stage_layers = {}}));
  if (!(job.tokens > 0) || !std::isfinite(job.tokens))
    return Error{Errc::invalid, "tokens to train on " + rounded(job.tokens) + ", want > 0"};
  const auto& [budget, power] = job.limits;
  if (job.deadline && !(job.deadline->value() > 0))
    return Error{Errc::invalid,
                 "deadline " + span_text(*job.deadline) + " from now, want one that is to come"};
  if (job.loss_gap_max && !(*job.loss_gap_max >= 0))
    return Error{Errc::invalid, "gap of loss " + rounded(*job.loss_gap_max) + ", want >= 0"};
  if (budget && !(budget->value() >= 0))
    return Error{Errc::invalid, "budget " + rounded(budget->value()) + " $, want >= 0"};
  if (power && !(power->value() > 0))
    return Error{Errc::invalid, "power " + rounded(power->value()) + " W, want > 0"};
  return Ok{};
}

}  // namespace axs::plan
