#pragma once

#include <string>
#include <vector>

#include "axs/cli/plan_words.h"
#include "axs/plan/schedule.h"

namespace axs::cli {

/// A step of one replica of each group as a Chrome trace ("Trace Event Format", what Perfetto and
/// chrome://tracing read): a process is a group, a thread a stage. Where there are too many
/// micro-batches those in the middle are one event.
std::string plan_trace(const PlanView& view);

/// The passes of one replica, at most so many micro-batches of them, or two rounds; fewer where a
/// micro-batch has several passes.
plan::PipelineSchedule schedule_of(const PlanView& view, std::size_t group, std::uint32_t most);

/// " chunk 2" where a stage's layers lie in several: they are counted from 1 for people.
std::string chunk_text(const plan::ReplicaGroup& group, const plan::Pass& pass);

/// What a stage does once all micro-batches are through, in order, each until when.
struct LaterPart {
  plan::StepPart part;
  Seconds begin;
  Seconds end;
};
std::vector<LaterPart> later_parts(const plan::GroupBreakdown& group, std::size_t stage);

}  // namespace axs::cli
