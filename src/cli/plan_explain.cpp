#include "axs/cli/plan_explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "axs/plan/plan_devices.h"
#include "axs/report/text.h"

namespace axs::cli {
namespace {

using config::PlannedJob;
using nlohmann::ordered_json;
using plan::PlanBreakdown;
using plan::StageBreakdown;
using plan::StepPart;
using plan::TrainingPlan;

constexpr double megajoule = 1e6;
constexpr double milliseconds = 1e3;

std::string bar(double share) {
  constexpr double width = 40;
  return std::string(static_cast<std::size_t>(std::lround(share * width)), '#');
}

std::string types_text(const PlannedJob& job, const plan::PlannedStage& stage) {
  std::string text;
  for (const plan::StagePart& part : plan::parts_of(stage, 1))
    text += (text.empty() ? "" : ", ") + type_name(job, part.type);
  return text;
}

/// Each kind of stage once: what a layer takes.
Rows layer_rows(const PlannedJob& job, const TrainingPlan& plan, const PlanBreakdown& broken) {
  Rows rows{{{"accelerator", "ACCELERATOR"},
             {"tensor", "TENSOR"},
             {"heads", "HEADS OF A DEVICE"},
             {"products_ms", "PRODUCTS"},
             {"attention_ms", "ATTENTION"},
             {"pointwise_ms", "POINTWISE"},
             {"recompute_ms", "RECOMPUTE"},
             {"tensor_exchange_ms", "TENSOR EXCHANGE"},
             {"expert_exchange_ms", "EXPERT EXCHANGE"},
             {"host_ms", "HOST"},
             {"all_ms", "ALL"}},
            {}};
  std::vector<plan::PlannedStage> seen;
  for (std::size_t g = 0; g < plan.groups.size(); ++g)
    for (std::size_t s = 0; s < plan.groups[g].stages.size(); ++s) {
      const plan::PlannedStage& stage = plan.groups[g].stages[s];
      if (std::ranges::any_of(seen, [&](const auto& one) { return have_same_devices(one, stage); }))
        continue;
      seen.push_back(stage);
      const plan::LayerTime& layer = broken.groups[g].stages[s].layer;
      std::vector<Cell> row{types_text(job, stage), std::int64_t{stage.tensor},
                            heads_text(job.job.shape, stage.tensor)};
      for (const Seconds time :
           {layer.products, layer.attention, layer.pointwise, layer.recompute,
            layer.tensor_exchange, layer.expert_exchange, layer.host, layer.total()})
        row.push_back(Decimal{milliseconds * time.value(), 2});
      rows.rows.push_back(std::move(row));
    }
  return rows;
}

struct Shares {
  Seconds computing{}, exchange{}, waiting{};
};

Shares shares_of(const plan::PartCosts& parts) {
  Shares shares;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const StepPart part = part_at(i);
    (is_exposed_exchange(part) ? shares.exchange
     : is_waiting(part)        ? shares.waiting
                               : shares.computing) += parts[i].time;
  }
  return shares;
}

/// Of the fullest device.
double most_fullness(const PlannedJob& job, const plan::ReplicaGroup& group,
                     const StageRange& run) {
  double most = 0;
  for (std::size_t i = run.begin; i < run.end; ++i)
    for (const plan::StagePart& part : plan::parts_of(group.stages[i], 1))
      most = std::max(most, fullness(job, part));
  return most;
}

std::vector<Cell> stage_row(const PlannedJob& job, const plan::ReplicaGroup& group,
                            const plan::GroupBreakdown& broken, const StageRange& run) {
  const auto begin = broken.stages.begin() + static_cast<std::ptrdiff_t>(run.begin);
  const auto end = broken.stages.begin() + static_cast<std::ptrdiff_t>(run.end);
  const auto total = [](const StageBreakdown& stage) { return stage.memory.total; };
  const StageBreakdown& fullest = *std::ranges::max_element(begin, end, {}, total);
  const StageBreakdown& slowest =
      *std::ranges::max_element(begin, end, {}, &StageBreakdown::micro_batch);
  const Shares shares = shares_of(slowest.parts);
  const plan::PlannedStage& stage = group.stages[run.begin];
  std::vector<Cell> row{site_name(job, group.site_of(run.begin)),
                        stage_text(run),
                        devices_text(job, stage),
                        std::int64_t{stage.layers},
                        Decimal{milliseconds * slowest.micro_batch.value(), 1},
                        Decimal{shares.computing.value(), 3},
                        Decimal{shares.exchange.value(), 3},
                        Decimal{shares.waiting.value(), 3}};
  const plan::MemoryUse& memory = fullest.memory;
  for (const Bytes part : {memory.state, memory.activations, memory.logits,
                           memory.gathered + memory.workspace + memory.overhead})
    row.push_back(Decimal{part.value() / gibibyte, 1});
  row.push_back(Decimal{100 * most_fullness(job, group, run), 0});
  return row;
}

std::string heading(const PlannedJob& job, const TrainingPlan& plan, const PlanBreakdown& broken) {
  const plan::GroupBreakdown& group = broken.groups[broken.slowest];
  const Shares shares = shares_of(broken.all);
  const auto percent = [&](Seconds time) { return 100 * (time / plan.step.total); };
  return fmt::format(
      "A step takes {:.3g} s. Of the mean device's time {:.1f} % is computing, {:.1f} % exchange "
      "that\nnothing hides and {:.1f} % waiting. All wait for stage {} of {} at {}.\n\n",
      plan.step.total.value(), percent(shares.computing), percent(shares.exchange),
      percent(shares.waiting), group.slowest + 1, group.stages.size(),
      site_name(job, plan.groups[broken.slowest].site_of(group.slowest)));
}

std::string drawn_text(const PlanBreakdown& broken, const TrainingPlan& plan) {
  const Joules whole = broken.energy * (plan.duration / plan.step.total);
  return fmt::format("Energy: {} a step, {} in all, at the meters of the sites, cooling with it.\n",
                     joules_text(broken.energy), energy_text(whole));
}

ordered_json json_of(const plan::PartCosts& parts) {
  ordered_json document = ordered_json::object();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const plan::PartCost& part = parts[i];
    document[std::string{enum_name(part_at(i))}] = {{"time_s", part.time.value()},
                                                    {"energy_j", part.energy.value()},
                                                    {"sent_bytes", part.sent.value()}};
  }
  return document;
}

ordered_json json_of(const plan::MemoryUse& memory) {
  return {{"state", memory.state.value()},
          {"gathered", memory.gathered.value()},
          {"activations", memory.activations.value()},
          {"logits", memory.logits.value()},
          {"workspace", memory.workspace.value()},
          {"overhead", memory.overhead.value()},
          {"total", memory.total.value()}};
}

ordered_json json_of(const StageBreakdown& stage) {
  return {{"devices", stage.devices},
          {"micro_batch_s", stage.micro_batch.value()},
          {"layer_s", stage.layer.total().value()},
          {"parts", json_of(stage.parts)},
          {"memory_bytes", json_of(stage.memory)}};
}

}  // namespace

Rows part_rows(const PlanView& view) {
  const PlanBreakdown& broken = view.broken;
  const plan::GroupBreakdown& group = broken.groups[broken.slowest];
  const StageBreakdown& slowest = group.stages[group.slowest];
  Rows rows{{{"part", "PART"},
             {"time_s", "SLOWEST STAGE [s]"},
             {"share_pct", "SHARE %"},
             {"bar", ""},
             {"mean_s", "MEAN DEVICE [s]"},
             {"energy_mj", "ALL [MJ]"},
             {"sent", "SENT"}},
            {}};
  const int decimals = decimals_for(broken.energy.value() / megajoule, 3);
  for (std::size_t i = 0; i < slowest.parts.size(); ++i) {
    const plan::PartCost& part = slowest.parts[i];
    const plan::PartCost& all = broken.all[i];
    if (part.time <= Seconds{} && all.time <= Seconds{} && all.sent <= Bytes{}) continue;
    const double share = part.time / view.plan().step.total;
    const bool sends = all.sent > Bytes{};
    rows.rows.push_back({part_text(part_at(i)), Decimal{part.time.value(), 3},
                         Decimal{100 * share, 1}, bar(share), Decimal{all.time.value(), 3},
                         Decimal{all.energy.value() / megajoule, decimals},
                         sends ? report::bytes_text(all.sent.value()) : ""});
  }
  return rows;
}

Rows stage_rows(const PlanView& view) {
  const auto& groups = view.plan().groups;
  Rows rows{{{"site", "SITE"},
             {"stage", "STAGE"},
             {"devices", "DEVICES"},
             {"layers", "LAYERS"},
             {"micro_batch_ms", "MICRO-BATCH [ms]"},
             {"computing_s", "COMPUTES [s]"},
             {"exchange_s", "EXCHANGES [s]"},
             {"waiting_s", "WAITS [s]"},
             {"state_gib", "STATE [GiB]"},
             {"activations_gib", "ACTIVATIONS [GiB]"},
             {"logits_gib", "LOGITS [GiB]"},
             {"rest_gib", "REST [GiB]"},
             {"full_pct", "FULL %"}},
            {}};
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const StageRange& run : stage_ranges(groups[g]))
      rows.rows.push_back(stage_row(view.job, groups[g], view.broken.groups[g], run));
  return rows;
}

std::string explain_text(const PlanView& view) {
  const auto& [job, found, broken] = view;
  const TrainingPlan& plan = view.plan();
  const RowsFormat format;
  return heading(job, plan, broken) + format.text(part_rows(view), "parts") + "\n" +
         drawn_text(broken, plan) + "\nA layer of a micro-batch, forward and backward, in ms:\n" +
         format.text(layer_rows(job, plan, broken), "layers") + "\nStages:\n" +
         format.text(stage_rows(view), "stages");
}

ordered_json explain_json(const PlanView& view) {
  const PlanBreakdown& broken = view.broken;
  ordered_json document{{"energy_j", broken.energy.value()},
                        {"all_devices", json_of(broken.all)},
                        {"slowest_group", broken.slowest},
                        {"groups", ordered_json::array()}};
  for (std::size_t g = 0; g < broken.groups.size(); ++g) {
    const plan::GroupBreakdown& group = broken.groups[g];
    ordered_json stages = ordered_json::array();
    for (const StageBreakdown& stage : group.stages) stages.push_back(json_of(stage));
    document["groups"].push_back({{"site", site_names(view.job, view.plan().groups[g])},
                                  {"slowest_stage", group.slowest},
                                  {"pipeline_s", group.pipeline.value()},
                                  {"end_s", group.end.value()},
                                  {"stages", std::move(stages)}});
  }
  return document;
}

}  // namespace axs::cli
