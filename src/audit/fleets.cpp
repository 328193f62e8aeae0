#include "axs/audit/fleets.h"

#include <algorithm>

namespace axs::audit {

namespace {

plan::Job job_of(const plan::ModelShape& shape, std::uint32_t batch, std::uint32_t sequence,
                 double tokens, const plan::Facts& facts) {
  plan::Job job;
  job.shape = shape;
  job.global_batch = batch;
  job.sequence = sequence;
  job.tokens = tokens;
  job.software = facts.software.back().software;
  return job;
}

/// Megatron's: GELU, a head for each 128 or 160 of the width.
plan::ModelShape gpt(std::uint32_t layers, std::uint32_t hidden, std::uint32_t heads) {
  return {.layers = layers,
          .hidden = hidden,
          .heads = heads,
          .kv_heads = heads,
          .head_width = hidden / heads,
          .feed_forward = 4 * hidden,
          .vocabulary = 51200};
}

Result<plan::Fleet> fleet_of(const plan::Facts& facts, const std::string& type,
                             std::uint32_t devices) {
  const plan::AcceleratorFacts entry = AXS_TRY(accelerator(facts, type));
  plan::Fleet fleet;
  fleet.types.push_back(
      {entry.accelerator, {.node_rate = entry.node_rate, .rails = entry.accelerator.per_node}});
  fleet.sites.push_back({.name = "one", .jurisdiction = "", .pools = {{0, devices}}});
  return fleet;
}

bool ends_within(const plan::Search& search, Seconds step) {
  for (std::size_t unit = 0; unit < search.units(); ++unit)
    if (search.run(unit, step)) return true;
  return false;
}

}  // namespace

plan::Job gpt3_job(const plan::Facts& facts) {
  return job_of(gpt(96, 12288, 96), 1536, 2048, 300e9, facts);
}

plan::Job llama_405b_job(const plan::Facts& facts, double tokens) {
  const plan::ModelShape shape{.layers = 126,
                               .hidden = 16384,
                               .heads = 128,
                               .kv_heads = 8,
                               .head_width = 128,
                               .feed_forward = 53248,
                               .gated = true,
                               .vocabulary = 128256};
  return job_of(shape, 2048, 8192, tokens, facts);
}

plan::Job trillion_job(const plan::Facts& facts, double tokens) {
  return job_of(gpt(128, 25600, 160), 3072, 2048, tokens, facts);
}

plan::Job ten_billion_job(const plan::Facts& facts) {
  return job_of(gpt(32, 5120, 40), 1024, 4096, 200e9, facts);
}

Result<plan::AcceleratorFacts> accelerator(const plan::Facts& facts, const std::string& name) {
  const auto found = std::ranges::find(facts.accelerators, name,
                                       [](const auto& entry) { return entry.accelerator.name; });
  if (found == facts.accelerators.end())
    return Error{Errc::not_found, "accelerator \"" + name + "\" is not in the catalogue"};
  return *found;
}

Result<plan::TrainingPlan> plan_on(const plan::Job& job, const plan::Facts& facts,
                                   const std::string& type, std::uint32_t devices) {
  const plan::Fleet fleet = AXS_TRY(fleet_of(facts, type, devices));
  return AXS_TRY(plan::search(job, fleet, facts.calibration)).plan;
}

Result<double> share_of(plan::StepPart part, const plan::Job& job, const plan::Facts& facts,
                        const std::string& type, std::uint32_t devices,
                        const plan::TrainingPlan& plan) {
  const plan::Fleet fleet = AXS_TRY(fleet_of(facts, type, devices));
  const auto broken = AXS_TRY(plan::breakdown(job, fleet, plan, facts.calibration));
  return broken.all[static_cast<std::size_t>(part)].time / plan.step.total;
}

Result<std::uint32_t> devices_for(const plan::Job& job, const plan::Facts& facts,
                                  const std::string& type, Seconds limit) {
  constexpr std::uint32_t some = 64, most = 256;
  std::uint32_t too_few = 0, enough = most;  // in `some`: more never end later
  while (enough - too_few > 1) {
    const std::uint32_t middle = (too_few + enough) / 2;
    const plan::Fleet fleet = AXS_TRY(fleet_of(facts, type, middle * some));
    const auto search = AXS_TRY(plan::Search::of(job, fleet, facts.calibration));
    (ends_within(search, limit / plan::steps(job)) ? enough : too_few) = middle;
  }
  if (enough == most)
    return Error{Errc::exhausted,
                 "no " + type + " up to " + std::to_string(most * some) + " end the job in time"};
  return enough * some;
}

FlopsPerSecond sustained(const plan::Job& job, const plan::TrainingPlan& plan) {
  return plan::training_flops_per_token(job.shape, job.sequence) * plan.tokens_per_second /
         Seconds{1};
}

}  // namespace axs::audit
