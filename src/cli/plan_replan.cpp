#include "axs/cli/plan_replan.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "axs/cli/job.h"
#include "axs/cli/patience.h"
#include "axs/cli/plan_read.h"
#include "axs/cli/plan_search.h"
#include "axs/cli/plan_text.h"
#include "axs/cli/plan_words.h"
#include "axs/cli/rows.h"
#include "axs/config/plan_facts.h"
#include "axs/core/enums.h"
#include "axs/fabric/network_forecast.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/wanted_plan.h"

namespace axs::cli {
namespace {

using config::PlannedJob;
using nlohmann::ordered_json;
using plan::Course;
using plan::ReplanOption;

/// The goal is two seconds with all that is around the search.
constexpr std::chrono::milliseconds default_limit{1500};
constexpr double gigabyte = 1e9;

/// What became of a job that runs.
struct ReplanView {
  const PlannedJob& job;  ///< on the changed fleet, with all its tokens
  double left;            ///< tokens
  const plan::ReplanResult& result;
  double searched;
  bool has_events;

  const ReplanOption& first() const { return result.options.front(); }
  /// Of the job as a whole, as `axs plan` has it.
  plan::TrainingPlan whole_plan() const {
    plan::TrainingPlan plan = first().plan;
    const Seconds duration = plan::steps(job.job) * plan.step.total;
    const double more = duration / plan.duration;
    plan.duration = duration;
    plan.cost.energy = more * plan.cost.energy;
    if (plan.cost.money) plan.cost.money = more * *plan.cost.money;
    if (plan.cost.carbon) plan.cost.carbon = more * *plan.cost.carbon;
    return plan;
  }
};

std::string course_text(const ReplanOption& option) {
  switch (option.course) {
    case Course::keep:
      return "keep all replicas, work shared anew";
    case Course::shrink:
      return "go on with some replicas";
    case Course::move:
      break;
  }
  return "move to another plan";
}

/// Why it lost, or by how much it won.
std::string reason_of(const ReplanOption& option, const ReplanOption& first) {
  if (&option == &first) return "ends first";
  const std::string later = span_text(option.end() - first.end()) + " later: ";
  const double longer = option.plan.step.total / first.plan.step.total - 1;
  constexpr double rounding = 1e-9;
  if (std::abs(longer) <= rounding) return later + "steps are as long, its pause is longer";
  if (longer > 0) return later + fmt::format("steps are {:.3g} % longer", 100 * longer);
  return later +
         fmt::format("too little is left for steps {:.3g} % shorter to make up for the pause",
                     -100 * longer);
}

std::string moved_text(const plan::PlanMove& move) {
  return move.from_checkpoint ? "; reading its state from a checkpoint is not counted" : "";
}

Rows option_rows(const ReplanView& view) {
  Rows rows{{{"course", "COURSE"},
             {"step_s", "STEP [s]"},
             {"pause_s", "PAUSE [s]"},
             {"inside_gb", "MOVED IN SITES [GB]"},
             {"between_gb", "BETWEEN SITES [GB]"},
             {"devices", "DEVICES"},
             {"end_days", "END [days]"},
             {"reason", "WHY"}},
            {}};
  for (const ReplanOption& option : view.result.options)
    rows.rows.push_back({course_text(option), Decimal{option.plan.step.total.value(), 3},
                         Decimal{option.move.pause.value(), 0},
                         Decimal{option.move.inside.value() / gigabyte, 1},
                         Decimal{option.move.between.value() / gigabyte, 1},
                         static_cast<std::int64_t>(plan::devices_of(option.plan)),
                         Decimal{option.end().value() / seconds_of_day, 3},
                         reason_of(option, view.first()) + moved_text(option.move)});
  return rows;
}

bool has(const ReplanView& view, Course course) {
  return std::ranges::find(view.result.options, course, &ReplanOption::course) !=
         view.result.options.end();
}

/// One way to go on at least has several sites.
bool is_over_links(const plan::ReplanResult& result) {
  return std::ranges::any_of(result.options, [](const ReplanOption& option) {
    const auto& groups = option.plan.groups;
    return std::ranges::any_of(groups, [&](const plan::ReplicaGroup& group) {
      return group.site != groups.front().site || !group.crossings.empty();
    });
  });
}

/// What the table does not say.
std::string notes(const ReplanView& view) {
  std::string text;
  if (!has(view, Course::keep) && has(view, Course::shrink))
    text += "The running plan cannot go on with all its replicas.\n";
  if (!has(view, Course::keep) && !has(view, Course::shrink))
    text += fmt::format(
        "Nothing of the running plan can go on: {} its replicas do not fit, or their sites do not "
        "exchange.\n",
        view.has_events ? "without what is gone" : "on this fleet");
  if (!has(view, Course::move) && view.searched == 1)
    text += "No other plan has shorter steps than going on.\n";
  if (plan::wants_more_than_time(view.job.job, view.job.fleet))
    text += "Objective, budget and power were not looked at: what ends first was looked for.\n";
  if (is_over_links(view.result))
    text +=
        "Links count as if all of them were in use at once, not by the routes that axs plan counts "
        "with: look at both before a move to more or fewer sites.\n";
  if (view.searched < 1)
    text += fmt::format("Stopped after {:.0f} % of the search.\n", 100 * view.searched);
  return view.result.unmet.empty() ? text : text + "Not met: " + view.result.unmet + "\n";
}

std::string replan_text(const ReplanView& view, const PlanView& plan) {
  const ReplanOption& first = view.first();
  std::string text = fmt::format(
      "{}: {}, {:.3g} s a step; the job ends {} from now, a pause of {} "
      "included; {:.1f} % of its tokens are left\n\n",
      view.job.scenario.name, course_text(first), first.plan.step.total.value(),
      span_text(first.end()), span_text(first.move.pause), 100 * view.left / view.job.job.tokens);
  text += RowsFormat{}.text(option_rows(view), "options") + "\n";
  text += "Go on with: " + method_text(first.plan.method) + "\n\n";
  return text + RowsFormat{}.text(plan_rows(plan), "groups") + "\n" + notes(view);
}

std::string replan_json(const ReplanView& view, const PlanView& plan) {
  ordered_json document{{"version", 1},
                        {"job", view.job.scenario.name},
                        {"tokens_left", view.left},
                        {"searched", view.searched},
                        {"options", ordered_json::array()}};
  for (const ReplanOption& option : view.result.options)
    document["options"].push_back({{"course", enum_name(option.course)},
                                   {"step_s", option.plan.step.total.value()},
                                   {"pause_s", option.move.pause.value()},
                                   {"inside_bytes", option.move.inside.value()},
                                   {"between_bytes", option.move.between.value()},
                                   {"from_checkpoint", option.move.from_checkpoint},
                                   {"end_s", option.end().value()},
                                   {"reason", reason_of(option, view.first())}});
  if (!view.result.unmet.empty()) document["unmet"] = view.result.unmet;
  document["plan"] = plan_json(plan);
  return document.dump(2) + "\n";
}

Result<PlannedJob> job_with_links(const std::string& file, const plan::Facts& facts) {
  PlannedJob job = AXS_TRY(config::read_job(file, facts));
  const auto links = AXS_TRY(plan_links(job.scenario, fabric::forecast_horizon));
  fabric::NetworkForecast network = fabric::network_forecast(links);
  job.fleet.links = std::move(network.links);
  job.fleet.spells = std::move(network.spells);
  return job;
}

/// What runs: as a file has it, or the fastest plan of the job before anything happened.
Result<plan::TrainingPlan> running_plan(const std::string& file, const PlannedJob& job,
                                        const plan::Facts& facts) {
  if (!file.empty()) return read_plan(file, job);
  const plan::Search search = AXS_TRY(plan::Search::of(job.job, job.fleet, facts.calibration));
  Patience patience = AXS_TRY(Patience::create(std::nullopt));
  FoundOnCores found = AXS_TRY(search_on_cores(search, patience));
  if (found.searched < 1)
    return Error{Errc::exhausted,
                 "plan: stopped before the plan that runs was found, want --running"};
  return std::move(found.result.plan);
}

}  // namespace

void PlanReplanCommand::declare(CLI::App& app) {
  app.add_option("job", file_, "The job that runs, a TOML file")->required();
  app.add_option("--running", running_,
                 "The plan that runs, as axs plan JOB --json has printed it; else the fastest");
  app.add_option("--lost", events_.lost,
                 "Devices that are gone: SITE, SITE:COUNT, SITE:COUNT:TYPE");
  app.add_option("--slow", events_.slow, "A site whose devices have slowed down: sfo:0.5 for half");
  app.add_option("--link", events_.links,
                 "A link that has got worse: sfo-fra:1Gb/s, or sfo-fra:cut");
  app.add_option("--done", done_, "Tokens that the job has trained on: 40%, or 400G");
  app.add_option("--limit", limit_, "Search no longer than this; 1.5s unless said otherwise");
  app.add_flag("--json", json_, "Print one JSON object; \"plan\" is what --running reads");
  app.footer(
      "The running plan may go on with work shared anew, or with fewer replicas, or another plan\n"
      "takes its place: whichever ends the job first, pause and moved state included.\n"
      "A job file that says what the fleet is like now needs --running and no events.\n"
      "\n"
      "Examples:\n"
      "  axs plan job.toml --json > plan.json\n"
      "  axs plan replan job.toml --running plan.json --lost sfo:8 --done 40%\n"
      "  axs plan replan job.toml --slow fra:0.5 --link sfo-fra:1Gb/s\n"
      "  axs plan replan job.toml --lost tyo --json | jq .plan > plan.json");
}

Result<ExitCode> PlanReplanCommand::run() {
  const auto limit = AXS_TRY(limit_of(limit_, default_limit));
  const plan::Facts facts = AXS_TRY(config::shipped_plan_facts());
  PlannedJob job = AXS_TRY(job_with_links(file_, facts));
  const plan::FleetEvents events = AXS_TRY(events_of(events_, job.fleet));
  plan::Job left = job.job;
  if (!done_.empty()) left.tokens = AXS_TRY(tokens_left(done_, left.tokens));
  plan::ChangedFleet now = AXS_TRY(plan::after(job.fleet, events));
  const plan::TrainingPlan before = AXS_TRY(running_plan(running_, job, facts));
  const bool has_events = !(events.lost.empty() && events.slow.empty() && events.links.empty());
  if (has_events) AXS_TRY(plan::check_runs(before, job.job, job.fleet, facts.calibration));
  const plan::TrainingPlan running = AXS_TRY(with_types_of(now, before));
  job.fleet = now.fleet;
  auto replanning = AXS_TRY(plan::Replanning::of(left, std::move(now), facts.calibration, running));
  Patience patience = AXS_TRY(Patience::create(limit));
  const double searched = AXS_TRY(search_on_cores(replanning, patience));
  const plan::ReplanResult result = AXS_TRY(replanning.result(searched));
  const ReplanView view{job, left.tokens, result, searched, has_events};
  const FoundOnCores found{{view.whole_plan(), {}, ""}, searched};
  const plan::PlanBreakdown broken =
      AXS_TRY(plan::breakdown(job.job, job.fleet, found.result.plan, facts.calibration));
  const PlanView plan{job, found, broken};
  const std::string text = json_ ? replan_json(view, plan) : replan_text(view, plan);
  std::fputs(text.c_str(), stdout);
  return result.unmet.empty() ? ExitCode::done : ExitCode::failed;
}

}  // namespace axs::cli
