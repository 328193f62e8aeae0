#include "axs/cli/plan_splits.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "axs/core/assert.h"
#include "axs/core/grouped.h"

namespace axs::cli {
namespace {

using nlohmann::ordered_json;
using plan::StageSplit;

/// Of a device in a placement.
char letter(std::uint32_t device) {
  constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyz";
  AXS_ASSERT(device < letters.size());
  return letters[device];
}

/// By heads and blocks of queries. What is masked has no device.
ordered_json placement_json(const plan::SplitAttention& attention) {
  std::vector<std::vector<std::string>> heads;
  const plan::ShardPlacement& placement = attention.placement;
  for (std::size_t i = 0; i < placement.shards.size(); ++i) {
    const plan::AttentionShard& shard = placement.shards[i];
    if (shard.head == heads.size()) heads.emplace_back();
    auto& blocks = heads[shard.head];
    if (shard.query == blocks.size()) blocks.emplace_back();
    blocks[shard.query].push_back(letter(placement.device[i]));
  }
  return heads;
}

ordered_json json_of(const config::PlannedJob& job, const StageSplit& split) {
  ordered_json devices = ordered_json::array();
  for (const plan::StagePart& part : split.parts)
    for (std::uint32_t i = 0; i < part.groups; ++i)
      devices.push_back({{"accelerator", type_name(job, part.type)}, {"tokens", part.tokens}});
  const auto& [problem, placement] = split.attention;
  return {{"tensor", split.tensor},
          {"devices", std::move(devices)},
          {"query_block", problem.query_block},
          {"key_range", problem.key_range},
          {"forward_s", placement.makespan.value()},
          {"bound_s", placement.bound.value()},
          {"placement", placement_json(split.attention)}};
}

std::string text_of(const config::PlannedJob& job, const StageSplit& split) {
  std::string parts;
  for (const plan::StagePart& part : split.parts)
    parts += fmt::format("{}{} of {} {} with {} tokens{}", parts.empty() ? "" : ", ",
                         part.groups == 1 ? "a group" : fmt::format("{} groups", part.groups),
                         split.tensor, type_name(job, part.type), grouped(part.tokens),
                         part.groups == 1 ? "" : " each");
  const plan::ShardPlacement& placement = split.attention.placement;
  return fmt::format(
      "Each sequence is shared by {}; attention in {} micro-shards, {:.1f} % above its "
      "bound\n",
      parts, placement.shards.size(), 100 * (placement.makespan / placement.bound - 1));
}

}  // namespace

std::string splits_text(const PlanView& view) {
  std::string text;
  for (const StageSplit& split : view.broken.splits) text += text_of(view.job, split);
  return text;
}

ordered_json splits_json(const PlanView& view) {
  ordered_json splits = ordered_json::array();
  for (const StageSplit& split : view.broken.splits) splits.push_back(json_of(view.job, split));
  return splits;
}

}  // namespace axs::cli
