#pragma once

#include <string>

#include "axs/cli/plan_search.h"
#include "axs/config/job.h"
#include "axs/plan/breakdown.h"
#include "axs/plan/calibration.h"
#include "axs/plan/rounded.h"

/// How people and programs are told what a plan is made of.
namespace axs::cli {

inline constexpr double gibibyte = 1073741824.0;
inline constexpr double seconds_of_day = 86'400;

/// The best plan of a job and where its step goes: what all outputs of `axs plan` are made of.
struct PlanView {
  const config::PlannedJob& job;
  const FoundOnCores& found;
  const plan::PlanBreakdown& broken;

  const plan::TrainingPlan& plan() const { return found.result.plan; }
};

using plan::power_text;
using plan::span_text;
/// "57.27 MWh", or "57.27 MWh (34.7 to 94.4)" where it is known within a factor of `spread`.
std::string energy_text(Joules energy, double spread = 1);
/// "3.5 MJ", "1.5 Tb/s"
std::string joules_text(Joules energy);
std::string rate_text(BytesPerSecond rate);
/// Decimals for a column whose least value above 0 is `least`: three digits that count, `usual` at
/// least.
int decimals_for(double least, int usual);

/// Of the devices that the plan uses: "the speed of Zephyr is declared, not measured".
std::string basis_text(const config::PlannedJob& job, const plan::TrainingPlan& plan,
                       const plan::Calibration& calibration);

const std::string& type_name(const config::PlannedJob& job, std::uint32_t type);
/// What its devices use of their memory.
double fullness(const config::PlannedJob& job, const plan::StagePart& part);
const std::string& site_name(const config::PlannedJob& job, std::uint32_t site);
/// "sfo", or "sfo, fra" in the order of the pipeline.
std::string site_names(const config::PlannedJob& job, const plan::ReplicaGroup& group);

/// "8 H100", or "(24 H100 + 8 A100)" where both share its sequences.
std::string devices_text(const config::PlannedJob& job, const plan::PlannedStage& stage);
/// "12 x 8 H100, 2 x 4 A100-80": stages that are alike, in the order of the pipeline; with their
/// sites, where these are several.
std::string stages_text(const config::PlannedJob& job, const plan::ReplicaGroup& group);
/// " in 3 chunks", of the layers of a stage; empty if they are all beside each other.
std::string chunks_text(const plan::ReplicaGroup& group);
std::string method_text(const plan::Method& method);
/// "4, or 3 on 7 of 8": query heads of a tensor group's devices; the most alone if all have as
/// many.
std::string heads_text(const plan::ModelShape& shape, std::uint32_t tensor);

/// "waits for slower replicas"
std::string part_text(plan::StepPart part);
plan::StepPart part_at(std::size_t index);

/// Stages one after the other that are alike in site, type, width and layers: the first, and one
/// past the last.
struct StageRange {
  std::size_t begin;
  std::size_t end;
};
std::vector<StageRange> stage_ranges(const plan::ReplicaGroup& group);
/// "1", or "2 to 15": stages are counted from 1 for people.
std::string stage_text(const StageRange& run);

}  // namespace axs::cli
