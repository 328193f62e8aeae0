#include "axs/cli/plan_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <span>
#include <vector>

#include "axs/core/enums.h"
#include "axs/plan/machine.h"
#include "axs/plan/plan_devices.h"

namespace axs::cli {

using config::PlannedJob;
using plan::PlannedStage;
using plan::StepPart;

namespace {

struct Scaled {
  double count;
  std::string_view unit;
};
/// In the largest unit, of those that are each a thousand times the one before, of which it has one
/// at least.
Scaled scaled(double count, std::span<const std::string_view> units) {
  std::size_t unit = 0;
  for (; count >= 1000 && unit + 1 < units.size(); ++unit) count /= 1000;
  return {count, units[unit]};
}
std::string scaled_text(double count, std::span<const std::string_view> units) {
  const Scaled value = scaled(count, units);
  return fmt::format("{:.4g} {}", value.count, value.unit);
}

}  // namespace

std::string energy_text(Joules energy, double spread) {
  constexpr std::array<std::string_view, 4> units{"Wh", "kWh", "MWh", "GWh"};
  const Scaled value = scaled(energy.value() / 3600, units);
  std::string text = fmt::format("{:.4g} {}", value.count, value.unit);
  if (spread > 1)
    text += fmt::format(" ({:.3g} to {:.3g})", value.count / spread, value.count * spread);
  return text;
}

std::string joules_text(Joules energy) {
  constexpr std::array<std::string_view, 5> units{"J", "kJ", "MJ", "GJ", "TJ"};
  return scaled_text(energy.value(), units);
}

std::string rate_text(BytesPerSecond rate) {
  constexpr std::array<std::string_view, 4> units{"kb/s", "Mb/s", "Gb/s", "Tb/s"};
  return scaled_text(8e-3 * rate.value(), units);
}

int decimals_for(double least, int usual) {
  constexpr int most = 9;
  int decimals = usual;
  for (double scale = std::pow(10, usual); least > 0 && decimals < most && least * scale < 99.5;
       scale *= 10)
    ++decimals;
  return decimals;
}

std::string basis_text(const PlannedJob& job, const plan::TrainingPlan& plan,
                       const plan::Calibration& calibration) {
  std::set<std::string> told, declared, slower;
  for (const plan::ReplicaGroup& group : plan.groups)
    for (const PlannedStage& stage : group.stages)
      for (const plan::StagePart& part : plan::parts_of(stage, plan.method.context)) {
        const plan::DeviceType& type = job.fleet.types[part.type];
        const plan::Accelerator& accelerator = type.accelerator;
        if (accelerator.reaches)
          told.insert(accelerator.name);
        else if (!plan::machine_of(accelerator, type.network, calibration).measured)
          declared.insert(accelerator.name);
        if (job.job.precision > accelerator.fastest)
          slower.insert(fmt::format("{} does not have {} and counts with {}", accelerator.name,
                                    enum_name(job.job.precision), enum_name(accelerator.fastest)));
      }
  std::string text = "speeds of all devices are fitted to published runs";
  if (!declared.empty())
    text = fmt::format("the speed of {} is declared, not measured", fmt::join(declared, ", "));
  if (!told.empty())
    text = fmt::format("{}the speed of {} is what the job says",
                       declared.empty() ? "" : text + "; ", fmt::join(told, ", "));
  for (const std::string& one : slower) text += "; " + one;
  return text;
}

const std::string& type_name(const PlannedJob& job, std::uint32_t type) {
  return job.fleet.types[type].accelerator.name;
}

double fullness(const PlannedJob& job, const plan::StagePart& part) {
  return part.memory / job.fleet.types[part.type].accelerator.memory;
}

const std::string& site_name(const PlannedJob& job, std::uint32_t site) {
  return job.fleet.sites[site].name;
}

std::string site_names(const PlannedJob& job, const plan::ReplicaGroup& group) {
  std::string names;
  for (const plan::SitePart& part : plan::site_parts(group))
    names += (names.empty() ? "" : ", ") + site_name(job, part.site);
  return names;
}

std::string chunks_text(const plan::ReplicaGroup& group) {
  return group.virtual_stages == 1 ? "" : fmt::format(" in {} chunks", group.virtual_stages);
}

std::string devices_text(const PlannedJob& job, const PlannedStage& stage) {
  if (stage.parts.empty()) return fmt::format("{} {}", stage.tensor, type_name(job, stage.type));
  std::string text;
  for (const plan::StagePart& part : stage.parts)
    text += fmt::format("{}{} {}", text.empty() ? "" : " + ", part.groups * stage.tensor,
                        type_name(job, part.type));
  return "(" + text + ")";
}

std::string stages_text(const PlannedJob& job, const plan::ReplicaGroup& group) {
  std::string text;
  for (const plan::SitePart& part : plan::site_parts(group))
    for (std::size_t i = part.begin; i < part.end;) {
      const PlannedStage& first = group.stages[i];
      const std::size_t begin = i;
      while (i < part.end && have_same_devices(group.stages[i], first)) ++i;
      text +=
          fmt::format("{}{} x {}{}", text.empty() ? "" : ", ", i - begin, devices_text(job, first),
                      group.crossings.empty() ? "" : " at " + site_name(job, part.site));
    }
  return text;
}

std::string method_text(const plan::Method& method) {
  return fmt::format(
      "micro-batches of {}, recomputation: {}, sharded: {}{}{}", method.micro_batch,
      enum_name(method.recompute), enum_name(method.sharding),
      method.whole_experts ? ", whole experts on a device" : "",
      method.context > 1 ? fmt::format(", sequences in {} parts", method.context) : "");
}

std::string heads_text(const plan::ModelShape& shape, std::uint32_t tensor) {
  const std::vector<std::uint32_t> heads = heads_of_devices(shape, tensor);
  std::string text = fmt::format("{}", heads.front());
  for (auto fewer = heads.begin(); fewer != heads.end();) {
    const auto end = std::ranges::find_if(fewer, heads.end(),
                                          [&](std::uint32_t other) { return other != *fewer; });
    if (*fewer != heads.front())
      text += fmt::format(", or {} on {} of {}", *fewer, end - fewer, tensor);
    fewer = end;
  }
  return text;
}

std::string part_text(StepPart part) {
  switch (part) {
    case StepPart::bubble:
      return "bubble";
    case StepPart::slower_stages:
      return "waits for other stages";
    case StepPart::slower_replicas:
      return "waits for slower replicas";
    case StepPart::stage_transfers:
      return "transfers of stages";
    case StepPart::link_transfers:
      return "transfers between sites";
    case StepPart::data_exchange:
      return "exchange of gradients";
    case StepPart::site_exchange:
      return "exchange between sites";
    case StepPart::fixed:
      return "fixed (clipping, loading)";
    default:
      std::string text{enum_name(part)};
      std::ranges::replace(text, '_', ' ');
      return text;
  }
}

StepPart part_at(std::size_t index) {
  return static_cast<StepPart>(index);
}

std::vector<StageRange> stage_ranges(const plan::ReplicaGroup& group) {
  std::vector<StageRange> runs;
  for (std::size_t i = 0; i < group.stages.size(); ++i) {
    const PlannedStage& stage = group.stages[i];
    const auto like = [&](const PlannedStage& other) {
      return have_same_devices(stage, other) && stage.layers == other.layers;
    };
    if (!runs.empty() && like(group.stages[runs.back().begin]) &&
        group.site_of(i) == group.site_of(runs.back().begin))
      ++runs.back().end;
    else
      runs.push_back({i, i + 1});
  }
  return runs;
}

std::string stage_text(const StageRange& run) {
  if (run.end == run.begin + 1) return fmt::format("{}", run.end);
  return fmt::format("{} to {}", run.begin + 1, run.end);
}

}  // namespace axs::cli
