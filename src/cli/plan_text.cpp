#include "axs/cli/plan_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "axs/cli/plan_frontier.h"
#include "axs/cli/plan_splits.h"
#include "axs/core/enums.h"
#include "axs/core/grouped.h"
#include "axs/plan/plan_devices.h"
#include "axs/report/text.h"

namespace axs::cli {
namespace {

using config::PlannedJob;
using nlohmann::ordered_json;
using plan::TrainingPlan;

/// "8", "8 in 2 chunks", or "7 to 9".
std::string layers_text(const plan::ReplicaGroup& group) {
  const auto [least, most] =
      std::ranges::minmax_element(group.stages, {}, &plan::PlannedStage::layers);
  const std::string from =
      least->layers == most->layers ? "" : fmt::format("{} to ", least->layers);
  return fmt::format("{}{}{}", from, most->layers, chunks_text(group));
}

double memory_of(const plan::ReplicaGroup& group) {
  Bytes most{};
  for (const plan::PlannedStage& stage : group.stages)
    for (const plan::StagePart& part : plan::parts_of(stage, 1)) most = std::max(most, part.memory);
  return most.value() / gibibyte;
}

bool is_in_use(const TrainingPlan& plan, std::uint32_t site) {
  return std::ranges::any_of(plan.groups, [&](const plan::ReplicaGroup& group) {
    return group.site == site || std::ranges::count(group.crossings, site, &plan::Crossing::site);
  });
}

/// Sites where the job may run, but which nothing joins to those where it does.
std::string unlinked_text(const PlannedJob& job, const TrainingPlan& plan) {
  std::string names;
  for (std::uint32_t site = 0; site < job.fleet.sites.size(); ++site) {
    const plan::FleetSite& there = job.fleet.sites[site];
    if (!there.has_devices() || !job.job.may_run_in(there.jurisdiction) || is_in_use(plan, site))
      continue;
    if (std::ranges::none_of(job.fleet.links, [&](const plan::SiteLink& link) {
          return link.from == site || link.to == site;
        }))
      names += (names.empty() ? "" : ", ") + there.name;
  }
  return names.empty() ? "" : "Idle, without a link to any other site: " + names + "\n";
}

std::string idle_text(const PlannedJob& job, const TrainingPlan& plan) {
  std::string text;
  for (std::uint32_t type = 0; type < plan.idle.size(); ++type)
    if (plan.idle[type] > 0)
      text +=
          fmt::format("{}{} {}", text.empty() ? "" : ", ", plan.idle[type], type_name(job, type));
  return text.empty() ? "" : "Idle: " + text + "\n" + unlinked_text(job, plan);
}

std::string sites_text(const TrainingPlan& plan) {
  std::string text;
  if (plan.outer)
    text += fmt::format(
        "sites exchange every {} steps, in {} fragments with {:.3g} bits of a parameter, which are "
        "needed {} step{} later; published gap of the loss: {:.2g} %\n",
        plan.outer->period, plan.outer->fragments, plan.outer->bits, plan.outer->overlap,
        plan.outer->overlap == 1 ? "" : "s", 100 * plan.loss_gap);
  if (plan.step.sites.value() > 0)
    text += fmt::format("of each step {:.3g} s are spent waiting for exchanges between sites\n",
                        plan.step.sites.value());
  return text;
}

/// What pipelines send from site to site: those of all groups are alike then.
std::string crossings_text(const PlanView& view) {
  const plan::ReplicaGroup& group = view.plan().groups.front();
  if (group.crossings.empty()) return "";
  std::string text = fmt::format("each pipeline begins at {}", site_name(view.job, group.site));
  for (const plan::Crossing& crossing : group.crossings)
    text += fmt::format(" and goes on at {} with stage {}", site_name(view.job, crossing.site),
                        crossing.stage + 1);
  Seconds most{};
  for (const plan::StageBreakdown& stage : view.broken.groups.front().stages)
    most = std::max(most, stage[plan::StepPart::link_transfers].time);
  const auto part = static_cast<std::size_t>(plan::StepPart::link_transfers);
  return text + fmt::format(
                    "; in a step {} of activations and their gradients go from site to site, for "
                    "which a stage waits up to {:.3g} s\n",
                    report::bytes_text(view.broken.all[part].sent.value()), most.value());
}

/// The best first.
std::string others_text(const std::vector<plan::RunnerUp>& others) {
  constexpr std::size_t shown = 6;
  const auto cut_short = std::ranges::find(others, plan::not_compared, &plan::RunnerUp::reason);
  const auto compared = static_cast<std::size_t>(cut_short - others.begin());
  std::string text = others.empty() ? "" : "Others:\n";
  for (std::size_t i = 0; i < std::min(shown, compared); ++i)
    text += fmt::format("  {}: {}\n", method_text(others[i].method), others[i].reason);
  if (compared > shown) text += fmt::format("  and {} more\n", compared - shown);
  if (compared < others.size())
    text += fmt::format(
        "  {} of {} methods are not compared, some may be closer: the search was stopped\n",
        others.size() - compared, others.size());
  return text;
}

/// Groups whose devices have unequal numbers of heads, each width once.
std::string uneven_text(const PlannedJob& job, const TrainingPlan& plan) {
  std::vector<std::uint32_t> seen;
  std::string text;
  for (const plan::ReplicaGroup& group : plan.groups)
    for (const plan::PlannedStage& stage : group.stages) {
      const auto heads = heads_of_devices(job.job.shape, stage.tensor);
      if (heads.front() == heads.back() || std::ranges::count(seen, stage.tensor) > 0) continue;
      seen.push_back(stage.tensor);
      text += fmt::format("Heads of a device in groups of {}: {}\n", stage.tensor,
                          heads_text(job.job.shape, stage.tensor));
    }
  return text;
}

ordered_json json_of(const PlannedJob& job, const plan::PlannedStage& stage) {
  ordered_json json{{"accelerator", type_name(job, stage.type)},
                    {"tensor", stage.tensor},
                    {"layers", stage.layers},
                    {"memory_gib", stage.memory.value() / gibibyte}};
  const auto heads = heads_of_devices(job.job.shape, stage.tensor);
  if (heads.front() != heads.back()) json["heads"] = heads;
  for (const plan::StagePart& part : stage.parts)
    json["parts"].push_back({{"accelerator", type_name(job, part.type)},
                             {"groups", part.groups},
                             {"tokens", part.tokens},
                             {"memory_gib", part.memory.value() / gibibyte}});
  return json;
}

ordered_json json_of(const PlannedJob& job, const plan::ReplicaGroup& group) {
  ordered_json stages = ordered_json::array();
  for (const plan::PlannedStage& stage : group.stages) stages.push_back(json_of(job, stage));
  ordered_json crossings = ordered_json::array();
  for (const plan::Crossing& crossing : group.crossings)
    crossings.push_back({{"stage", crossing.stage}, {"site", site_name(job, crossing.site)}});
  return {{"site", site_name(job, group.site)},   {"replicas", group.replicas},
          {"micro_batches", group.micro_batches}, {"virtual_stages", group.virtual_stages},
          {"stages", std::move(stages)},          {"crossings", std::move(crossings)}};
}

}  // namespace

Rows plan_rows(const PlanView& view) {
  const PlannedJob& job = view.job;
  Rows rows{{{"site", "SITE"},
             {"replicas", "REPLICAS"},
             {"stages", "STAGES OF EACH"},
             {"layers", "LAYERS"},
             {"micro_batches", "MICRO-BATCHES"},
             {"devices", "DEVICES"},
             {"memory_gib", "MEMORY [GiB]"}},
            {}};
  for (const plan::ReplicaGroup& group : view.plan().groups)
    rows.rows.push_back({site_names(job, group), std::int64_t{group.replicas},
                         stages_text(job, group), layers_text(group),
                         std::int64_t{group.micro_batches},
                         static_cast<std::int64_t>(devices_of(view.plan().method, group)),
                         Decimal{memory_of(group), 1}});
  return rows;
}

double utilisation(const PlanView& view) {
  const PlannedJob& job = view.job;
  const TrainingPlan& plan = view.plan();
  FlopsPerSecond peak{};
  for (const plan::ReplicaGroup& group : plan.groups)
    for (const plan::PlannedStage& stage : group.stages)
      for (const plan::StagePart& part : plan::parts_of(stage, plan.method.context))
        peak += job.fleet.types[part.type].accelerator.peak * stage.tensor * group.replicas *
                part.groups;
  return plan::training_flops_per_token(job.job.shape, job.job.sequence) * plan.tokens_per_second /
         (peak * Seconds{1});
}

std::string notes_text(const PlanView& view) {
  const TrainingPlan& plan = view.plan();
  return cost_text(plan.cost) + sites_text(plan) + crossings_text(view) + splits_text(view) +
         idle_text(view.job, plan);
}

std::string plan_text(const PlanView& view) {
  const auto& [job, found, broken] = view;
  const TrainingPlan& plan = found.result.plan;
  const Seconds low = plan.step.total / plan.step.spread, high = plan.step.total * plan.step.spread;
  std::string text = fmt::format(
      "{}: {:.3g} s a step ({:.3g} to {:.3g}), {} tokens/s, {:.1f} % of the peak in bf16, {}\n",
      job.scenario.name, plan.step.total.value(), low.value(), high.value(),
      grouped(static_cast<std::uint64_t>(plan.tokens_per_second)), 100 * utilisation(view),
      span_text(plan.duration));
  text += cost_text(plan.cost) + method_text(plan.method) + "\n" + sites_text(plan) +
          crossings_text(view);
  text += "\n" + RowsFormat{}.text(plan_rows(view), "groups") + "\n" + splits_text(view) +
          uneven_text(job, plan) + idle_text(job, plan);
  text += others_text(found.result.others);
  if (found.searched < 1)
    text += fmt::format("Stopped after {:.0f} % of the search.\n", 100 * found.searched);
  return found.result.unmet.empty() ? text : text + "Not met: " + found.result.unmet + "\n";
}

ordered_json plan_json(const PlanView& view) {
  const auto& [job, found, broken] = view;
  const TrainingPlan& plan = found.result.plan;
  ordered_json document{{"version", plan_json_version},
                        {"job", job.scenario.name},
                        {"precision", enum_name(job.job.precision)},
                        {"tokens", job.job.tokens},
                        {"global_batch", job.job.global_batch},
                        {"sequence", job.job.sequence},
                        {"micro_batch", plan.method.micro_batch},
                        {"recompute", enum_name(plan.method.recompute)},
                        {"sharding", enum_name(plan.method.sharding)},
                        {"whole_experts", plan.method.whole_experts},
                        {"context", plan.method.context},
                        {"step_s", plan.step.total.value()},
                        {"low_s", plan.step.total.value() / plan.step.spread},
                        {"high_s", plan.step.total.value() * plan.step.spread},
                        {"spread", plan.step.spread},
                        {"replicas_s", plan.step.replicas.value()},
                        {"sites_s", plan.step.sites.value()},
                        {"fixed_s", plan.step.fixed.value()},
                        {"tokens_per_s", plan.tokens_per_second},
                        {"utilisation", utilisation(view)},
                        {"duration_s", plan.duration.value()},
                        {"cost", cost_json(plan.cost)},
                        {"searched", found.searched},
                        {"groups", ordered_json::array()},
                        {"idle", ordered_json::object()}};
  for (const plan::ReplicaGroup& group : plan.groups)
    document["groups"].push_back(json_of(job, group));
  // Slower devices of a site are a type of their own, with the same name.
  for (std::uint32_t type = 0; type < plan.idle.size(); ++type) {
    auto& idle = document["idle"][type_name(job, type)];
    idle = plan.idle[type] + (idle.is_null() ? 0 : idle.get<std::uint32_t>());
  }
  if (plan.outer)
    document["outer"] = {{"period", plan.outer->period},
                         {"fragments", plan.outer->fragments},
                         {"overlap", plan.outer->overlap},
                         {"bits", plan.outer->bits},
                         {"during_backward", plan.outer->during_backward},
                         {"loss_gap", plan.loss_gap}};
  if (!broken.splits.empty()) document["splits"] = splits_json(view);
  document["others"] = ordered_json::array();
  for (const plan::RunnerUp& other : found.result.others)
    document["others"].push_back({{"method", method_text(other.method)}, {"reason", other.reason}});
  if (!found.result.unmet.empty()) document["unmet"] = found.result.unmet;
  return document;
}

}  // namespace axs::cli
