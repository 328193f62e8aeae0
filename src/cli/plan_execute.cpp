#include "axs/cli/plan_execute.h"

#include <fmt/format.h>

#include <algorithm>

#include "axs/cli/node_places.h"
#include "axs/cli/plan_read.h"
#include "axs/cli/plan_words.h"
#include "axs/config/plan_facts.h"
#include "axs/fabric/story.h"
#include "axs/plan/names.h"
#include "axs/plan/plan_devices.h"
#include "axs/report/text.h"
#include "axs/train/decision.h"
#include "axs/twin/planned_fleets.h"

namespace axs::cli {
namespace {

using plan::ReplicaGroup;
using plan::TrainingPlan;

Error bad(const std::string& file, const std::string& problem) {
  return {Errc::invalid, file + ": " + problem};
}

/// In the order of the job.
std::vector<SiteId> sites_of(const TrainingPlan& plan) {
  std::vector<SiteId> sites;
  for (const std::uint32_t site : plan::sites_of(plan.groups)) sites.push_back(SiteId{site});
  return sites;
}

/// Of one type at one site.
Result<> check_places(const config::PlannedJob& job, std::uint32_t site, std::uint32_t type,
                      const GroupsByWidth& groups, const std::string& file) {
  std::uint64_t there = 0, wanted = 0;
  for (const plan::Pool& pool : job.fleet.sites[site].pools)
    if (pool.type == type) there += pool.devices;
  for (const auto& [width, count] : groups) wanted += width * count;
  const std::string& name = type_name(job, type);
  if (wanted > there)
    return bad(file, fmt::format("{} {} at {}, want at most the {} that it has", wanted, name,
                                 site_name(job, site), there));
  const std::uint32_t node = job.fleet.types[type].accelerator.per_node;
  if (const auto out = crowded_out(groups, node, there))
    return bad(file,
               fmt::format("{} tensor groups of {} {} at {}, want at most the {} that find "
                           "a place in its nodes of {}, beside those that are wider",
                           out->groups, out->width, name, site_name(job, site), out->places, node));
  return Ok{};
}

Result<> check_devices(const config::PlannedJob& job, const TrainingPlan& plan,
                       const std::string& file) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, GroupsByWidth> wanted;
  for (const ReplicaGroup& group : plan.groups)
    for (std::size_t i = 0; i < group.stages.size(); ++i)
      for (const plan::StagePart& part : parts_of(group.stages[i], plan.method.context))
        wanted[{group.site_of(i), part.type}][group.stages[i].tensor] +=
            std::uint64_t{group.replicas} * part.groups;
  for (const auto& [where, groups] : wanted)
    AXS_TRY(check_places(job, where.first, where.second, groups, file));
  return Ok{};
}

Result<> check_sites(const config::PlannedJob& job, const TrainingPlan& plan,
                     const std::string& file) {
  for (const SiteId site : sites_of(plan)) {
    const plan::FleetSite& used = job.fleet.sites[site.value];
    if (!job.job.may_run_in(used.jurisdiction))
      return bad(file, fmt::format("trains at {} in {}, where the job may not run", used.name,
                                   used.jurisdiction));
  }
  return Ok{};
}

/// Clocks count no further than three times that.
Result<> check_times(const TrainingPlan& plan, const std::string& file) {
  constexpr Seconds century{3.156e9};
  const Seconds longest = std::max(plan.duration, plan.step.total);
  if (longest > century)
    return bad(file, fmt::format("{:.3g} s planned, want at most a hundred years, {:.3g} s",
                                 longest.value(), century.value()));
  return Ok{};
}

/// That sites cannot exchange so.
Result<> check_exchange(const TrainingPlan& plan, const std::string& file) {
  if (!plan.outer) return Ok{};
  if (plan.outer->during_backward)
    return bad(file, "an exchange between sites during the backward pass, which nothing does yet");
  if (plan.outer->bits != 4 && plan.outer->bits != 16)
    return bad(
        file, fmt::format("an exchange of {} bits of a parameter, want 4 or 16", plan.outer->bits));
  return Ok{};
}

/// What is left out may have been somebody's end, or the way between two that stay.
Result<> check_left(const catalog::Scenario& scenario, const std::vector<SiteId>& sites,
                    const std::string& file) {
  if (sites.size() == scenario.sites.size()) return Ok{};
  if (!scenario.transfers.empty())
    return bad(file, fmt::format("trains at {} of {} sites, want all of a job with transfers",
                                 sites.size(), scenario.sites.size()));
  return Ok{};
}

Result<> check_reach(const catalog::Scenario& scenario, const std::string& file) {
  const net::Topology topology = fabric::topology_of(scenario);
  for (std::uint32_t a = 0; a < scenario.sites.size(); ++a)
    for (std::uint32_t b = a + 1; b < scenario.sites.size(); ++b)
      if (topology.paths(SiteId{a}, SiteId{b}).empty())
        return bad(file, fmt::format("{} and {} train, want a path of one or two links between "
                                     "them over sites that do",
                                     scenario.sites[a].name, scenario.sites[b].name));
  return Ok{};
}

catalog::Shares shares_of(const TrainingPlan& plan, std::size_t sites) {
  catalog::Shares shares{plan.method.micro_batch, std::vector<catalog::SiteShare>(sites)};
  for (const ReplicaGroup& group : plan.groups) {
    auto& replicas = shares.sites[group.site].micro_batches;
    replicas.insert(replicas.end(), group.replicas, group.micro_batches);
  }
  return shares;
}

catalog::Scenario as_planned(catalog::Scenario scenario, const TrainingPlan& plan) {
  catalog::Train& train = scenario.train;
  train.shares = shares_of(plan, scenario.sites.size());
  train.sync = plan.outer ? catalog::SyncMode::outer : catalog::SyncMode::every_step;
  if (plan.outer) {
    train.outer.period = plan.outer->period;
    train.outer.fragments = plan.outer->fragments;
    train.outer.overlap = plan.outer->overlap;
    train.outer.bits = static_cast<std::uint32_t>(plan.outer->bits);
  }
  return twin::at_sites(scenario, sites_of(plan));
}

/// That our own workers are not made for; empty if there is nothing.
std::string unknown_to_workers(const config::PlannedJob& job, const TrainingPlan& plan) {
  for (const ReplicaGroup& group : plan.groups) {
    if (group.stages.size() > 1) return fmt::format("pipelines of {} stages", group.stages.size());
    const plan::PlannedStage& stage = group.stages.front();
    if (stage.tensor > 1) return fmt::format("tensor parallelism over {} devices", stage.tensor);
    if (plan::plain_name(type_name(job, stage.type)) != "cpu")
      return "accelerators of type " + type_name(job, stage.type);
  }
  if (plan.method.context > 1)
    return fmt::format("context parallelism over {} devices", plan.method.context);
  if (plan.method.whole_experts) return "expert parallelism";
  if (plan.method.recompute != plan::Recompute::none) return "recomputation of activations";
  if (plan::is_of_one_stage(plan.method)) return "sharded gradients or parameters";
  return {};
}

struct Measured {
  Duration training;  ///< from the last worker that was ready to the last site that finished
  double steps = 0;
};

std::optional<Measured> measured_of(const record::History& history,
                                    const catalog::Scenario& scenario) {
  std::map<std::string, Instant> ready;
  Instant finished{};
  std::uint64_t tokens = 0;
  record::for_each<catalog::WorkerReady>(history, [&](const record::Entry& entry, const auto&) {
    ready.emplace(entry.site, entry.at);
  });
  record::for_each<catalog::SiteFinished>(history,
                                          [&](const record::Entry& entry, const auto& fact) {
                                            finished = std::max(finished, entry.at);
                                            tokens = std::max(tokens, fact.tokens);
                                          });
  if (tokens == 0 || ready.size() != scenario.sites.size()) return std::nullopt;
  Instant begun{};
  for (const auto& [site, at] : ready) begun = std::max(begun, at);
  const auto sites = static_cast<std::uint32_t>(scenario.sites.size());
  return Measured{finished - begun,
                  static_cast<double>(tokens) / static_cast<double>(catalog::tokens_per_step(
                                                    scenario.train, scenario.model, sites))};
}

std::string beside_text(const std::string& what, double planned, double spread, double measured) {
  const bool inside = measured >= planned / spread && measured <= planned * spread;
  return fmt::format("{:<9}planned {:.4g} s ({:.3g} to {:.3g}), measured {:.4g} s, {:+.1f} %: {}\n",
                     what, planned, planned / spread, planned * spread, measured,
                     100 * (measured / planned - 1),
                     inside ? "in the interval" : "outside the interval");
}

}  // namespace

Result<PlannedRun> planned_run(config::PlannedJob job, TrainingPlan plan,
                               const plan::Calibration& calibration, const std::string& name) {
  if (spans_sites(plan))
    return bad(name, "pipelines across sites, which are planned but not carried out yet");
  AXS_TRY(check_devices(job, plan, name));
  AXS_TRY(check_sites(job, plan, name));
  AXS_TRY(check_times(plan, name));
  AXS_TRY(check_exchange(plan, name));
  AXS_TRY(check_left(job.scenario, sites_of(plan), name));
  auto broken = plan::breakdown(job.job, job.fleet, plan, calibration);
  if (!broken) return bad(name, broken.error().what);
  PlannedRun run{std::move(job), std::move(plan), *std::move(broken)};
  run.scenario = as_planned(run.job.scenario, run.plan);
  run.basis = basis_text(run.job, run.plan, calibration);
  AXS_TRY(check_reach(run.scenario, name));
  return run;
}

Result<PlannedRun> read_planned_run(const JobFlags& flags, const std::string& file) {
  const plan::Facts facts = AXS_TRY(config::shipped_plan_facts());
  config::PlannedJob job = AXS_TRY(config::read_job(flags.scenario, facts));
  AXS_TRY(flags.apply(job.scenario));
  std::string text = AXS_TRY(read_plan_text(file));
  TrainingPlan plan = AXS_TRY(parse_plan(text, file, job));
  PlannedRun run = AXS_TRY(planned_run(std::move(job), std::move(plan), facts.calibration, file));
  run.text = std::move(text);
  return run;
}

Result<> check_workers(const PlannedRun& run, const std::string& file) {
  const std::string unknown = unknown_to_workers(run.job, run.plan);
  if (!unknown.empty())
    return bad(file, unknown + ", which the worker does not execute yet; want replicas of one cpu");
  const std::uint64_t bytes = assumed_speeds(run.scenario).front().contribution_bytes;
  if (run.plan.outer && bytes > train::contribution_carried)
    return bad(file, fmt::format("fragments of {:.0f} MB, want less, which a message carries",
                                 static_cast<double>(bytes) * 1e-6));
  return Ok{};
}

Result<> check_host(const PlannedRun& run, const Capacity& host, const std::string& file) {
  constexpr std::uint32_t turns = 64;
  constexpr double gigabyte = 1e9;
  const std::uint32_t replicas = plan::replicas_of(run.plan.groups);
  if (replicas > turns * host.cores)
    return bad(file, fmt::format("{} replicas, want at most {} on the {} cores of this machine",
                                 replicas, turns * host.cores, host.cores));
  constexpr double weights_and_gradients = 8;  // Bytes of a parameter.
  Bytes least = replicas * Bytes{weights_and_gradients * plan::parameters(run.job.job.shape)};
  for (std::size_t g = 0; g < run.plan.groups.size(); ++g)
    least += run.plan.groups[g].replicas * run.broken.groups[g].stages.front().memory.activations;
  if (least.value() > host.memory)
    return bad(file, fmt::format("{} replicas, which take {:.3g} GB of memory, want at most the "
                                 "{:.3g} GB of this machine",
                                 replicas, least.value() / gigabyte, host.memory / gigabyte));
  return Ok{};
}

Seconds site_step(const PlannedRun& run, std::uint32_t site) {
  Seconds longest{};
  for (std::size_t g = 0; g < run.plan.groups.size(); ++g)
    if (run.plan.groups[g].site == site) longest = std::max(longest, run.broken.groups[g].end);
  return longest + run.plan.step.fixed;
}

std::vector<twin::WorkerSpeed> planned_speeds(const PlannedRun& run) {
  auto speeds = assumed_speeds(run.scenario);
  const auto sites = sites_of(run.plan);
  for (std::size_t i = 0; i < speeds.size(); ++i)
    speeds[i].step = from_seconds(site_step(run, sites[i].value).value());
  return speeds;
}

std::string exchange_text(const catalog::OuterRule& outer) {
  const std::string text = fmt::format("exchanged every {} steps in {} fragments of {} bits",
                                       outer.period, outer.fragments, outer.bits);
  return outer.overlap ? text + fmt::format(", needed {} steps later", *outer.overlap) : text;
}

std::string work_text(const catalog::Scenario& scenario) {
  const catalog::Shares& shares = *scenario.train.shares;
  std::string text;
  for (std::size_t i = 0; i < scenario.sites.size(); ++i)
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", scenario.sites[i].name,
                        fmt::join(shares.sites[i].micro_batches, " + "));
  text += fmt::format(" micro-batches of {}", shares.micro_batch);
  if (scenario.train.sync == catalog::SyncMode::every_step)
    return text + (scenario.sites.size() > 1 ? ", exchanged in every step" : "");
  return text + ", " + exchange_text(scenario.train.outer);
}

catalog::Planned planned_fact(const PlannedRun& run) {
  return {.step = from_seconds(run.plan.step.total.value()),
          .spread = run.plan.step.spread,
          .training = from_seconds(run.plan.duration.value()),
          .basis = run.basis};
}

std::string outcome_beside(const record::History& history, const catalog::Scenario& scenario) {
  const auto measured = measured_of(history, scenario);
  std::string text;
  if (const auto* planned = record::last<catalog::Planned>(history); planned && measured) {
    text += beside_text("step", planned->step.seconds(), planned->spread,
                        measured->training.seconds() / measured->steps);
    text += beside_text("training", planned->training.seconds(), planned->spread,
                        measured->training.seconds());
    text += fmt::format("         ({})\n", planned->basis);
  }
  Instant finished{};
  record::for_each<catalog::RunFinished>(
      history, [&](const record::Entry& entry, const auto&) { finished = entry.at; });
  const auto* predicted = record::last<catalog::Predicted>(history);
  if (predicted != nullptr && finished > Instant{}) {
    const double foreseen = predicted->duration.seconds(), took = (finished - Instant{}).seconds();
    text += fmt::format("all      predicted {:.4g} s, measured {:.4g} s, {:+.1f} % ({})\n",
                        foreseen, took, 100 * (took / foreseen - 1), predicted->basis);
  }
  return text;
}

}  // namespace axs::cli
