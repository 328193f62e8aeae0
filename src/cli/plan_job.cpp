#include "axs/cli/plan_job.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "axs/cli/job.h"
#include "axs/cli/plan_search.h"
#include "axs/cli/plan_text.h"
#include "axs/config/plan_facts.h"
#include "axs/config/quantity.h"

namespace axs::cli {
namespace {

/// Between two sites, all their links together: what they carry adds up, the quickest answers.
/// Rates are those of the slower direction, for gradients go both ways.
Result<std::vector<plan::SiteLink>> links_of(const catalog::Scenario& scenario) {
  std::vector<plan::SiteLink> joined;
  for (const fabric::LinkPlan& link : AXS_TRY(plan_links(scenario, seconds(1)))) {
    const auto [from, to] = std::minmax(link.a.value, link.b.value);
    const catalog::Link& stated = scenario.links[link.id.value];
    const Seconds round_trip{fabric::wire_at(link, false, {}).one_way.seconds() +
                             fabric::wire_at(link, true, {}).one_way.seconds()};
    const BytesPerSecond rate = std::min(stated.rate_ab, stated.rate_ba);
    const auto same = std::ranges::find_if(
        joined, [&](const plan::SiteLink& seen) { return seen.from == from && seen.to == to; });
    if (same == joined.end()) {
      joined.push_back({.from = from, .to = to, .rate = rate, .round_trip = round_trip});
    } else {
      same->rate += rate;
      same->round_trip = std::min(same->round_trip, round_trip);
    }
  }
  return joined;
}

}  // namespace

void PlanJob::declare(CLI::App& app) {
  app.add_option("job", file_, "The job, a TOML file");
  app.add_option("--limit", limit_, "Search no longer than this, like 10s");
  app.add_flag("--json", json_, "Print one JSON object");
}

Result<ExitCode> PlanJob::run() {
  if (file_.empty())
    return Error{Errc::invalid, "plan: no job, want a TOML file or score; see axs plan --help"};
  const plan::Facts facts = AXS_TRY(config::parse_plan_facts(config::shipped_plan_files()));
  config::PlannedJob job = AXS_TRY(config::read_job(file_, facts));
  job.fleet.links = AXS_TRY(links_of(job.scenario));
  std::optional<std::chrono::nanoseconds> limit;
  if (!limit_.empty()) limit = std::chrono::nanoseconds{AXS_TRY(config::parse_duration(limit_)).ns};
  const plan::Search search = AXS_TRY(plan::Search::of(job.job, job.fleet, facts.calibration));
  const auto found = AXS_TRY(search_on_cores(search, limit));
  const std::string text = json_ ? plan_json(job, found) : plan_text(job, found);
  std::fputs(text.c_str(), stdout);
  return found.unmet.empty() ? ExitCode::done : ExitCode::failed;
}

}  // namespace axs::cli
