#include "axs/cli/plan_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "axs/core/enums.h"
#include "axs/plan/plan_devices.h"
#include "axs/report/text.h"

namespace axs::cli {

using config::PlannedJob;
using plan::PlannedStage;
using plan::StepPart;

std::string span_text(Seconds span) {
  constexpr double minute = 60, hour = 3600, year = 365.25 * seconds_of_day;
  const double seconds = span.value();
  if (seconds < 2 * minute) return fmt::format("{:.3g} s", seconds);
  if (seconds < 2 * hour) return fmt::format("{:.3g} min", seconds / minute);
  if (seconds < 2 * seconds_of_day) return fmt::format("{:.3g} h", seconds / hour);
  if (seconds < 2 * year) return fmt::format("{:.4g} days", seconds / seconds_of_day);
  if (seconds < 100 * year) return fmt::format("{:.3g} years", seconds / year);
  return report::grouped(static_cast<std::uint64_t>(seconds / year)) + " years";
}

std::string energy_text(Joules energy, double spread) {
  constexpr std::array units{"Wh", "kWh", "MWh", "GWh"};
  double count = energy.value() / 3600;
  std::size_t unit = 0;
  for (; count >= 1000 && unit + 1 < units.size(); ++unit) count /= 1000;
  std::string text = fmt::format("{:.4g} {}", count, units[unit]);
  if (spread > 1) text += fmt::format(" ({:.3g} to {:.3g})", count / spread, count * spread);
  return text;
}

const std::string& type_name(const PlannedJob& job, std::uint32_t type) {
  return job.fleet.types[type].accelerator.name;
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

std::string stages_text(const PlannedJob& job, const plan::ReplicaGroup& group) {
  std::string text;
  for (const plan::SitePart& part : plan::site_parts(group))
    for (std::size_t i = part.begin; i < part.end;) {
      const PlannedStage& first = group.stages[i];
      const std::size_t begin = i;
      while (i < part.end && group.stages[i].type == first.type &&
             group.stages[i].tensor == first.tensor)
        ++i;
      text += fmt::format("{}{} x {} {}{}", text.empty() ? "" : ", ", i - begin, first.tensor,
                          type_name(job, first.type),
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
      return stage.type == other.type && stage.tensor == other.tensor &&
             stage.layers == other.layers;
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
