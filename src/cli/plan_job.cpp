#include "axs/cli/plan_job.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "axs/cli/job.h"
#include "axs/cli/output_of.h"
#include "axs/cli/patience.h"
#include "axs/cli/plan_emit.h"
#include "axs/cli/plan_explain.h"
#include "axs/cli/plan_frontier.h"
#include "axs/cli/plan_page.h"
#include "axs/cli/plan_room.h"
#include "axs/cli/plan_slowness.h"
#include "axs/cli/plan_text.h"
#include "axs/cli/plan_trace.h"
#include "axs/cli/plan_wanted.h"
#include "axs/cli/terminal.h"
#include "axs/config/plan_facts.h"
#include "axs/fabric/network_forecast.h"
#include "axs/plan/plan_cost.h"

namespace axs::cli {
namespace {

/// Energy, where a device that the job may use has no price.
plan::Thrift thrift_of_frontier(const config::PlannedJob& planned) {
  plan::Job job = planned.job;
  job.objective = plan::Objective::money;
  std::vector<std::uint32_t> sites;
  for (std::uint32_t site = 0; site < planned.fleet.sites.size(); ++site)
    if (job.may_run_in(planned.fleet.sites[site].jurisdiction)) sites.push_back(site);
  return plan::check_known(job, planned.fleet, sites) ? plan::Thrift::money : plan::Thrift::energy;
}

Result<plan::Objective> objective_of(const std::string& name) {
  std::string names;
  for (std::size_t i = 0; i < enum_count<plan::Objective>; ++i) {
    const auto objective = static_cast<plan::Objective>(i);
    if (name == enum_name(objective)) return objective;
    names += (i == 0 ? "" : ", ") + std::string{enum_name(objective)};
  }
  return Error{Errc::invalid, "--objective: \"" + name + "\", want one of " + names};
}

/// Of files, not of devices and pipes.
std::string file_of(const std::string& path) {
  std::error_code none;
  const bool is_file = std::filesystem::is_regular_file(path, none);
  if (path.empty() || (std::filesystem::exists(path, none) && !is_file)) return {};
  return std::filesystem::weakly_canonical(path, none).string();
}

/// What is written takes the place of nothing that is read or written as well.
Result<> check_apart(const std::string& job, const std::string& trace, const std::string& page) {
  const std::string traced = file_of(trace), shown = file_of(page), read = file_of(job);
  if (!traced.empty() && traced == shown)
    return Error{Errc::invalid, "--trace and --html: both are " + trace + ", want two files"};
  for (const auto& [flag, path] : {std::pair{"--trace", traced}, std::pair{"--html", shown}})
    if (!path.empty() && path == read)
      return Error{Errc::invalid,
                   fmt::format("{}: {} is the job itself, want another file", flag, job)};
  return Ok{};
}

}  // namespace

void PlanJob::declare(CLI::App& app) {
  app.add_option("job", file_, "The job, a TOML file");
  app.add_option("--limit", limit_,
                 "Stop after so long, like 10s, as Ctrl-C does, and give the best that was found");
  app.add_option("--objective", objective_, "Instead of the job's: time, money, energy or carbon")
      ->type_name("NAME");
  auto* frontier = app.add_flag(
      "--frontier", frontier_,
      "A table of plans from the fastest to the cheapest, or where prices are not known "
      "to the one that needs least energy");
  app.add_flag("--explain", explain_, "Say where the time, the bytes and the joules of a step go")
      ->excludes(frontier);
  app.add_option("--trace", trace_,
                 "A file for the schedule of a step, for Perfetto or chrome://tracing")
      ->excludes(frontier);
  app.add_option("--html", page_, "A file for a page with pictures of the plan")
      ->excludes(frontier);
  auto* json = app.add_flag("--json", json_, "Print one JSON object");
  app.add_option("--emit", emit_, "Print the plan as the configuration of that program instead")
      ->check(CLI::IsMember({"torchtitan", "megatron"}))
      ->excludes(json)
      ->excludes(frontier);
}

Result<ExitCode> PlanJob::run() {
  if (file_.empty())
    return Error{Errc::invalid, "plan: no job, want a TOML file or score; see axs plan --help"};
  const plan::Facts facts = AXS_TRY(config::shipped_plan_facts());
  config::PlannedJob job = AXS_TRY(config::read_job(file_, facts));
  if (const auto some = plan::check_devices(job.job, job.fleet); !some)
    return Error{Errc::invalid, job.scenario.name + ": " + some.error().what};
  auto links = AXS_TRY(plan_links(job.scenario, fabric::forecast_horizon));
  if (!objective_.empty()) job.job.objective = AXS_TRY(objective_of(objective_));
  const auto limit = AXS_TRY(limit_of(limit_));
  AXS_TRY(check_apart(file_, trace_, page_));
  const auto trace = AXS_TRY(output_of("--trace", trace_));
  const auto page = AXS_TRY(output_of("--html", page_));
  Patience patience = AXS_TRY(Patience::create(limit));
  const Wish wish = frontier_ ? Wish{[](PlanOverLinks&, Patience&) {}} : Wish{look_for_wanted};
  auto planned_jointly = plan_jointly(job, facts, std::move(links), patience, wish);
  // A search that was stopped says nothing of what has room.
  if (!planned_jointly && planned_jointly.error().code != Errc::timeout)
    return Error{planned_jointly.error().code,
                 planned_jointly.error().what + room_text(job, facts, patience)};
  JointPlan joint = AXS_TRY(std::move(planned_jointly));
  if (frontier_) {
    print_frontier(joint.best, patience);
    return ExitCode::done;
  }
  compare_on_cores(joint.best.search, joint.best.found, patience);
  const plan::TrainingPlan& plan = joint.best.found.result.plan;
  const config::PlannedJob& planned = joint.best.job;
  const plan::PlanBreakdown broken =
      AXS_TRY(plan::breakdown(planned.job, planned.fleet, plan, facts.calibration));
  const PlanView view{planned, joint.best.found, broken};
  if (trace) AXS_TRY(trace->write(plan_trace(view)));
  if (page) AXS_TRY(page->write(plan_page(view)));
  const std::string shown =
      AXS_TRY(text(view, joint, basis_text(planned, plan, facts.calibration)));
  std::fputs(shown.c_str(), stdout);
  if (const std::string slow = slowness_text(view); !slow.empty()) print_error(slow);
  return joint.best.found.result.unmet.empty() ? ExitCode::done : ExitCode::failed;
}

void PlanJob::print_frontier(const PlanOverLinks& planned, Patience& patience) const {
  const config::PlannedJob& job = planned.job;
  WatchedSearch watched{patience};
  const auto plans = plan::frontier(plan::FrugalSearch{planned.search, first_on_cores}, job.job,
                                    thrift_of_frontier(job), planned.found.result.plan,
                                    [&](double share) { return watched(share); });
  const std::string shown = json_ ? frontier_json(job, plans) : frontier_text(job, plans);
  std::fputs(shown.c_str(), stdout);
  if (watched.searched() < 1) print_error("stopped: there may be plans that take less");
}

Result<std::string> PlanJob::text(const PlanView& view, const JointPlan& joint,
                                  const std::string& basis) const {
  if (emit_ == "torchtitan") return torchtitan_text(view);
  if (emit_ == "megatron") return megatron_text(view);
  if (!json_)
    return plan_text(view) + network_text(joint) + "Basis: " + basis + "\n" +
           (explain_ ? "\n" + explain_text(view) : "");
  auto document = plan_json(view);
  document["network"] = network_json(joint);
  if (explain_) document["explain"] = explain_json(view);
  return document.dump(2) + "\n";
}

}  // namespace axs::cli
