#include "axs/cli/plan_slowness.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "axs/core/assert.h"
#include "axs/core/grouped.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/plan_over_links.h"

namespace axs::cli {
namespace {

using plan::SiteLink;
using plan::StepPart;
using plan::TrainingPlan;

/// Ten years. Whoever has no deadline wants to hear of more.
constexpr Seconds patience{3652.5 * seconds_of_day};

/// "64 kb/s on the way from sfo to fra", which may be several links: of the plan's sites, which
/// exchange.
std::string narrowest_text(const config::PlannedJob& job, const TrainingPlan& plan) {
  const auto sites = plan::sites_of(plan.groups);
  const auto is_used = [&](std::uint32_t site) { return std::ranges::binary_search(sites, site); };
  const SiteLink* narrowest = nullptr;
  for (const SiteLink& link : job.fleet.links)
    if (is_used(link.from) && is_used(link.to))
      if (narrowest == nullptr || link.rate < narrowest->rate) narrowest = &link;
  AXS_ASSERT(narrowest != nullptr);
  return fmt::format("{} on the way from {} to {}", rate_text(narrowest->rate),
                     site_name(job, narrowest->from), site_name(job, narrowest->to));
}

/// In a step, at the stage that waits longest.
Seconds between_sites(const PlanView& view) {
  Seconds longest{};
  for (const plan::StageBreakdown& stage : view.broken.groups[view.broken.slowest].stages)
    longest = std::max(longest,
                       stage[StepPart::site_exchange].time + stage[StepPart::link_transfers].time);
  return longest;
}

/// What is missing where links are not.
std::string more_devices_text(double times) {
  const std::string number = times < 10 ? fmt::format("{:.1f}", std::ceil(10 * times) / 10)
                                        : grouped(static_cast<std::uint64_t>(std::ceil(times)));
  return fmt::format("it wants about {0} times the devices in use, or tokens divided by {0}",
                     number);
}

/// By the least power of ten that ends the run in time, or else after which more is of little use.
std::string wider_text(const PlanView& view, Seconds limit) {
  constexpr double worth_it = 1.1;
  const auto over = [&](double factor) {
    plan::Fleet fleet = view.job.fleet;
    for (SiteLink& link : fleet.links) link.rate = factor * link.rate;
    const auto timed = plan::over_links(view.plan(), view.job.job, fleet);
    AXS_ASSERT(timed.has_value());  // As the plan was, over the links that it has.
    return timed->duration;
  };
  double factor = 10;
  Seconds took = over(factor);
  for (Seconds next; took > limit; took = next, factor *= 10)
    if (next = over(10 * factor); took < worth_it * next) break;
  const std::string text =
      fmt::format("over links {} times as wide the same plan takes {}",
                  grouped(static_cast<std::uint64_t>(factor)), span_text(took));
  return took > limit ? text + "; " + more_devices_text(took / limit) : text;
}
}  // namespace

std::string slowness_text(const PlanView& view) {
  constexpr double little = 0.1;
  const Seconds limit = view.job.job.deadline.value_or(patience);
  const TrainingPlan& plan = view.plan();
  if (plan.duration <= limit) return {};
  const std::string text =
      fmt::format("{}: the run would take {}", view.job.scenario.name, span_text(plan.duration));
  const double between = between_sites(view) / plan.step.total;
  if (between < little) return text + "; " + more_devices_text(plan.duration / limit);
  return text + fmt::format(", {:.1f} % of it exchange between sites ({}); {}", 100 * between,
                            narrowest_text(view.job, plan),
                            plan::spans_sites(plan)
                                ? "it wants wider links, or devices for the whole model at a site"
                                : wider_text(view, limit));
}

}  // namespace axs::cli
