#include "axs/cli/plan_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace axs::cli {
namespace {

using nlohmann::ordered_json;
using plan::Pass;
using plan::PassKind;
using plan::StepPart;

/// What a browser still shows with ease.
constexpr std::uint64_t events_max = 100'000;

/// In the file's microseconds. Begin and end are rounded, not how long it takes: what begins when
/// another thing ends does so in the file as well.
std::string microseconds(std::int64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

/// One thing that a thread does.
std::string event(std::string_view name, std::string_view category, Seconds begin, Seconds end,
                  std::size_t process, std::size_t thread) {
  const std::int64_t from = std::llround(begin.value() * 1e9);
  const std::int64_t until = std::llround(end.value() * 1e9);
  return fmt::format(R"({{"name":"{}","cat":"{}","ph":"X","ts":{},"dur":{},"pid":{},"tid":{}}})",
                     name, category, microseconds(from), microseconds(until - from), process,
                     thread);
}

std::string name_of(std::string_view kind, const std::string& name, std::size_t process,
                    std::size_t thread) {
  return ordered_json{
      {"name", kind}, {"ph", "M"}, {"pid", process}, {"tid", thread}, {"args", {{"name", name}}}}
      .dump();
}

std::string event(const Pass& pass, const std::string& chunk, std::size_t process) {
  const auto of = [&](std::string_view name, std::string_view category) {
    return event(name, category, pass.begin, pass.end, process, pass.stage + 1);
  };
  switch (pass.kind) {
    case PassKind::forward:
      return of(fmt::format("F{}{}", pass.micro_batch, chunk), "forward");
    case PassKind::backward:
      return of(fmt::format("B{}{}", pass.micro_batch, chunk), "backward");
    case PassKind::left_out:
      return of(fmt::format("{} micro-batches more", pass.micro_batch), "left out");
  }
  return {};
}

void add_group(const PlanView& view, std::size_t number, std::uint32_t most,
               std::vector<std::string>& events) {
  const plan::ReplicaGroup& group = view.plan().groups[number];
  const plan::GroupBreakdown& broken = view.broken.groups[number];
  const std::size_t process = number + 1;
  events.push_back(name_of(
      "process_name",
      fmt::format("{}: {}{}", site_names(view.job, group),
                  group.replicas > 1 ? fmt::format("one of {} replicas, ", group.replicas) : "",
                  stages_text(view.job, group)),
      process, 0));
  for (std::size_t stage = 0; stage < group.stages.size(); ++stage) {
    const plan::PlannedStage& planned = group.stages[stage];
    events.push_back(
        name_of("thread_name",
                fmt::format("stage {}: {}, {} layers{}", stage + 1, devices_text(view.job, planned),
                            planned.layers, chunks_text(group)),
                process, stage + 1));
  }
  const plan::PipelineSchedule schedule = schedule_of(view, number, most);
  for (const Pass& pass : schedule.passes)
    events.push_back(event(pass, chunk_text(group, pass), process));
  // Whose end is a sum in another order than the plan's, so that its last digit may differ.
  const auto after = [&](Seconds time) { return std::max(time, schedule.end); };
  for (std::size_t stage = 0; stage < group.stages.size(); ++stage)
    for (const LaterPart& later : later_parts(broken, stage))
      events.push_back(event(part_text(later.part), "after the passes", after(later.begin),
                             after(later.end), process, stage + 1));
}

}  // namespace

plan::PipelineSchedule schedule_of(const PlanView& view, std::size_t group, std::uint32_t most) {
  std::vector<plan::TurnTime> stages;
  for (const plan::StageBreakdown& stage : view.broken.groups[group].stages)
    stages.push_back({stage.forward(), stage.backward()});
  const plan::ReplicaGroup& planned = view.plan().groups[group];
  const std::uint32_t chunks = planned.virtual_stages;
  if (chunks > 1) return plan::interleaved(stages, chunks, planned.micro_batches, most / chunks);
  return plan::one_forward_one_backward(stages, planned.micro_batches, most);
}

std::string chunk_text(const plan::ReplicaGroup& group, const Pass& pass) {
  return group.virtual_stages == 1 ? "" : fmt::format(" chunk {}", pass.chunk + 1);
}

std::vector<LaterPart> later_parts(const plan::GroupBreakdown& group, std::size_t stage) {
  using enum StepPart;
  constexpr std::array order{data_exchange, sharding_exchange, optimizer,     slower_stages,
                             stragglers,    slower_replicas,   site_exchange, fixed};
  constexpr Seconds shown{1e-9};  // The shortest in a trace.
  const plan::StageBreakdown& mine = group.stages[stage];
  // The shards of each micro-batch are in its passes.
  const Seconds shards = mine.tail - mine[data_exchange].time - mine[optimizer].time;
  std::vector<LaterPart> parts;
  Seconds at = group.pipeline;
  for (const StepPart part : order) {
    const Seconds time = part == sharding_exchange ? shards : mine[part].time;
    if (time >= shown) parts.push_back({part, at, at + time});
    at += time;
  }
  return parts;
}

std::string plan_trace(const PlanView& view) {
  std::uint64_t stages = 0;
  for (const plan::ReplicaGroup& group : view.plan().groups) stages += group.stages.size();
  const auto most = static_cast<std::uint32_t>(std::max<std::uint64_t>(2, events_max / 2 / stages));
  std::vector<std::string> events;
  for (std::size_t group = 0; group < view.plan().groups.size(); ++group)
    add_group(view, group, most, events);
  return fmt::format("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n",
                     fmt::join(events, ",\n"));
}

}  // namespace axs::cli
