#include "axs/cli/twin.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "axs/cli/rehearsal.h"
#include "axs/cli/run_record.h"
#include "axs/cli/run_view.h"
#include "axs/cli/terminal.h"
#include "axs/cli/twin_flows.h"
#include "axs/cli/twin_learn.h"
#include "axs/twin/twin.h"

namespace axs::cli {
namespace {

constexpr Duration run_limit = seconds(24 * 3600);

std::string as_json(const twin::Outcome& outcome, const std::optional<Learned>& learned) {
  nlohmann::ordered_json document{
      {"version", 1},
      {"finished", outcome.finished},
      {"duration_s", outcome.took.seconds()},
      {"syncs", outcome.syncs},
      {"tokens", outcome.tokens},
      {"reroutes", outcome.reroutes},
      {"packets", outcome.packets},
      {"bytes", outcome.bytes},
      {"events", outcome.events},
      {"digest", to_hex(outcome.digest)},
  };
  if (learned) document["learned"] = as_json(*learned);
  return document.dump(2) + "\n";
}

std::string as_text(const catalog::Scenario& scenario, const twin::Outcome& outcome,
                    const std::optional<Learned>& learned) {
  return fmt::format(
      "{}: {} after {:.1f} s of simulated time\n"
      "{} syncs of {} sites, {} tokens merged, {} changes of route\n"
      "{} packets, {:.1f} MB of UDP payload, {} events\n"
      "digest {}\n{}",
      scenario.name, outcome.finished ? "finished" : "not finished", outcome.took.seconds(),
      outcome.syncs, scenario.sites.size(), outcome.tokens, outcome.reroutes, outcome.packets,
      static_cast<double>(outcome.bytes) * 1e-6, outcome.events, to_hex(outcome.digest),
      learned ? as_text(*learned) : "");
}

}  // namespace

void TwinCommand::declare(CLI::App& app) {
  job.declare(app);
  app.add_flag("--json", json, "Print one JSON object");
  auto* folder =
      app.add_option("--out", out, "A new folder for the record of the run, for axs report");
  app.add_flag("--flows", flows,
               "One exchange between all sites as flows: how long each takes, and the links' loads")
      ->excludes(folder);
  auto* learns = app.add_flag("--learn", learn,
                              "Train the model for real, by axs-worker, in the time of the twin")
                     ->excludes("--flows");
  app.add_option("--data", data, "Text to train on, a file or a folder; else Python's own library")
      ->needs(learns);
  app.add_option(
         "--speeds", speeds,
         "The folder of a live run of the scenario: workers as fast as its were; else 30 ms "
         "a step")
      ->excludes("--flows");
  app.add_option("--plan", plan,
                 "Play this plan of the job, as axs plan --json has printed it; fleets: instead of "
                 "the exchange that the job states or, if it states none, of what axs plan finds")
      ->excludes("--flows");
  app.add_option(
         "--seeds", fleets.seeds,
         "Fleets: so many runs on all cores, from the seed on, and what they have in common")
      ->check(CLI::Range(1u, 10'000u))
      ->excludes("--flows")
      ->excludes(learns);
  app.add_option("--for", fleets.span, "Fleets: how much time is simulated; 24h by default")
      ->excludes("--flows")
      ->excludes(learns);
  app.footer(
      "Examples:\n"
      "  axs twin scenarios/three-continents.toml\n"
      "  axs twin scenarios/three-continents.toml --seed 7 --json\n"
      "  axs twin scenarios/three-continents.toml --learn --data book.txt\n"
      "  axs twin scenarios/twenty-sites.toml --flows\n"
      "  axs twin scenarios/1024-gpus.toml --for 24h --seeds 8");
}

Result<ExitCode> TwinCommand::run() {
  if (!flows && !learn && AXS_TRY(is_of_fleets(job.scenario))) return run_fleets();
  if (fleets.seeds != 1 || !fleets.span.empty())
    return Error{Errc::invalid, "--seeds and --for: " + job.scenario +
                                    " is no scenario of fleets: its sites have no accelerators"};
  catalog::Scenario chosen = AXS_TRY(job.read());
  std::optional<PlannedRun> planned;
  if (!plan.empty()) {
    planned = AXS_TRY(read_planned_run(job, plan));
    AXS_TRY(check_workers(*planned, plan));
    if (learn) AXS_TRY(check_host(*planned, capacity(), plan));
    chosen = planned->scenario;
  }
  if (flows) {
    std::fputs(AXS_TRY(flows_text(chosen, json)).c_str(), stdout);
    return ExitCode::done;
  }
  const Duration horizon = sky_horizon(chosen);
  auto links = AXS_TRY(plan_links(chosen));
  auto workers = AXS_TRY(workers_of(chosen, planned));
  twin::Twin::Config config{
      .scenario = chosen, .links = std::move(links), .workers = std::move(workers)};
  if (learn) AXS_TRY(Learning::check(chosen, data));
  std::optional<TwinRecord> record;
  if (!out.empty()) record.emplace(AXS_TRY(TwinRecord::create(out, chosen)));
  std::optional<Learning> learning;
  if (learn) learning.emplace(AXS_TRY(Learning::create(chosen, config.workers, data, out)));
  if (learning) config.real_workers = learning->workers();
  TwinView view;
  const auto note = [&](const catalog::FactOrigin& origin, const catalog::Fact& fact) {
    if (record) record->note(origin, fact);
    if (learning) learning->hear(origin, fact);
    view.feed({origin, fact});
  };
  for (const auto& fact : opening_facts(chosen, "twin", own_command()))
    note({chosen.name, "", Instant{}}, fact);
  if (record || learning || view.is_shown()) config.note = note;
  twin::Twin world{std::move(config)};
  const twin::Outcome outcome = world.run(run_limit);
  view.finish();
  if (world.failure()) return *world.failure();
  std::optional<Learned> learned;
  if (learning) learned = AXS_TRY(learning->conclude());
  if (record) {
    for (const Learned::Site& site : learned ? learned->sites : std::vector<Learned::Site>{})
      record->note({chosen.name, site.name, Instant{} + outcome.took},
                   catalog::Evaluated{site.validation.loss, site.validation.tokens});
    if (outcome.finished)
      record->note({chosen.name, "", Instant{} + outcome.took},
                   catalog::RunFinished{outcome.tokens});
    AXS_TRY(record->outcome());
  }
  if (chosen.sky && outcome.took > horizon)
    print_error(
        fmt::format("the run took longer than the {:.0f} s for which the sky was worked out",
                    horizon.seconds()));
  std::fputs((json ? as_json(outcome, learned) : as_text(chosen, outcome, learned)).c_str(),
             stdout);
  return outcome.finished ? ExitCode::done : ExitCode::failed;
}

Result<std::vector<twin::WorkerSpeed>> TwinCommand::workers_of(
    const catalog::Scenario& scenario, const std::optional<PlannedRun>& planned) const {
  if (!speeds.empty()) return speeds_of_run(scenario, speeds);
  return planned ? planned_speeds(*planned) : assumed_speeds(scenario);
}

Result<ExitCode> TwinCommand::run_fleets() {
  const std::string has_fleets = job.scenario + " has fleets, ";
  if (!out.empty()) return Error{Errc::invalid, "--out: " + has_fleets + "which keep no record"};
  if (!speeds.empty())
    return Error{Errc::invalid, "--speeds: " + has_fleets + "which are as fast as their plans"};
  fleets.json = json;
  fleets.plan = plan;
  std::fputs(AXS_TRY(fleets_text(job, fleets)).c_str(), stdout);
  return ExitCode::done;
}

}  // namespace axs::cli
