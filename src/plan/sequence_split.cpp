#include "axs/plan/sequence_split.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "axs/plan/attention_cost.h"
#include "axs/plan/layer_time.h"
#include "axs/plan/node_widths.h"
#include "axs/plan/stage_workload.h"

namespace axs::plan {

namespace {

/// Blocks of queries and ranges of keys are as small as so many shards allow: more take longer to
/// place, and no balance is better by more than a hundredth.
constexpr double shards_wanted = 1000;
/// Where a group holds so little that fewer shards would leave it no block of its own.
constexpr double shards_max = 8000;
constexpr std::uint32_t blocks_min = 8;
/// Tokens of a group are a multiple of this if that takes no more than so much from either type, or
/// of half of it, and so on.
constexpr std::uint32_t tokens_unit = 256;
constexpr double tokens_off = 0.02;
/// Of a device's memory, for what the attention of a layer holds.
constexpr double attention_memory = 0.25;
/// Many are placed, and what they cost is not known as well. With three times as many trials those
/// whose links have most to do end 0.4 % earlier, in the mean of 84 splits of three types.
constexpr PlacementEffort effort{.close_enough = 0.01, .trials_max = 30'000};
constexpr std::array<std::uint32_t, 4> widths{1, 2, 4, 8};

/// Half of all pairs of blocks are masked. Each group is home of two at least.
Result<std::uint32_t> block_of(const AttentionLayer& layer, std::uint32_t least_tokens) {
  std::uint32_t blocks = blocks_min;
  const auto shards = [&](double count) { return 0.5 * count * count * layer.kv_heads; };
  const auto is_too_long = [&] { return 2 * (layer.sequence / blocks) > least_tokens; };
  while (shards(2 * blocks) <= (is_too_long() ? shards_max : shards_wanted)) blocks *= 2;
  const std::uint32_t block = layer.sequence / blocks;
  if (is_too_long() || block == 0)
    return Error{Errc::invalid, "sequence: a group holds too little of it to be planned"};
  return block;
}

using TokensOfParts = std::array<double, 2>;  ///< of a group of each

/// Of whole units, nearest to what is wanted of a group of the first part while the rest can be
/// shared evenly.
std::optional<TokensOfParts> whole_units(TokensOfParts wanted, std::uint32_t units,
                                         const std::vector<StagePart>& parts) {
  const auto near = static_cast<std::int64_t>(std::floor(wanted[0] + 0.5));
  for (std::int64_t off = 0; off <= parts[1].groups; ++off)
    for (const std::int64_t mine : {near - off, near + off}) {
      const std::int64_t rest = std::int64_t{units} - mine * parts[0].groups;
      if (mine > 0 && rest >= parts[1].groups && rest % parts[1].groups == 0)
        return TokensOfParts{static_cast<double>(mine),
                             static_cast<double>(rest / parts[1].groups)};
    }
  return std::nullopt;
}

bool are_near(TokensOfParts a, TokensOfParts wanted) {
  const auto off = [&](std::size_t i) { return std::abs(a[i] - wanted[i]) / wanted[i]; };
  return std::max(off(0), off(1)) <= tokens_off;
}

}  // namespace

std::uint32_t SequenceSplit::context() const {
  std::uint32_t groups = 0;
  for (const SplitPart& part : parts) groups += part.groups;
  return groups;
}

SequenceSplit split_of(std::uint32_t tensor, const std::vector<StagePart>& parts,
                       const SplitAttention& attention) {
  const auto& [problem, placement] = attention;
  const AttentionCost cost{problem};
  SequenceSplit split{.tensor = tensor, .parts = {}};
  std::size_t device = 0;
  for (const StagePart& part : parts) {
    SplitPart& added = split.parts.emplace_back(SplitPart{part.type, part.groups, {}});
    SequenceShare& share = added.share;
    share.alike = part.groups;
    for (const std::size_t end = device + part.groups; device < end; ++device) {
      const AttentionDevice& at = problem.devices[device];
      const DeviceLoad& load = placement.loads[device];
      share.tokens = at.tokens;
      share.attention = std::max(share.attention, load.computing * at.attention);
      share.exchanged = std::max(share.exchanged, load.linking * at.link);
      share.sent += 0.5 / part.groups * (load.linking * at.link);
      share.fetched = std::max(share.fetched, load.resident - cost.own(at));
    }
  }
  return split;
}

Workload SequenceSplitter::workload(std::uint32_t type, std::uint32_t tensor,
                                    std::uint32_t context) const {
  return stage_workload(job_, Method{.context = context}, types_[type], tensor, 1);
}

Machine SequenceSplitter::machine(std::uint32_t type) const {
  return machine_of(types_[type].accelerator, types_[type].network, calibration_);
}

/// Those that parts say, or by how fast each type is at what grows with its tokens, if all had as
/// many.
Result<std::vector<std::uint32_t>> SequenceSplitter::tokens(
    std::uint32_t tensor, const std::vector<StagePart>& parts) const {
  if (parts[0].tokens > 0) return std::vector{parts[0].tokens, parts[1].tokens};
  const std::uint32_t context = parts[0].groups + parts[1].groups;
  TokensOfParts rates{};
  for (std::size_t i = 0; i < 2; ++i) {
    const LayerTime time = layer_time(workload(parts[i].type, tensor, context),
                                      machine(parts[i].type), calibration_.shared);
    rates[i] = 1 / (time.products + time.pointwise + time.tensor_exchange).value();
  }
  const double all = parts[0].groups * rates[0] + parts[1].groups * rates[1];
  for (std::uint32_t unit = tokens_unit; unit > 0; unit /= 2) {
    if (job_.sequence % unit != 0) continue;
    const std::uint32_t units = job_.sequence / unit;
    const TokensOfParts wanted{rates[0] / all * units, rates[1] / all * units};
    const auto tokens = whole_units(wanted, units, parts);
    if (!tokens || (unit > 1 && !are_near(*tokens, wanted))) continue;
    return std::vector{static_cast<std::uint32_t>((*tokens)[0]) * unit,
                       static_cast<std::uint32_t>((*tokens)[1]) * unit};
  }
  return Error{Errc::invalid, "sequence: its tokens cannot be shared evenly by groups of a type"};
}

Result<AttentionLayer> SequenceSplitter::layer(std::uint32_t tensor) const {
  const HeadsHere heads = heads_here(job_.shape, tensor);
  const AttentionLayer layer{.sequence = job_.sequence,
                             .heads = static_cast<std::uint32_t>(heads.queries),
                             .kv_heads = static_cast<std::uint32_t>(heads.keys),
                             .head_width = job_.shape.head_width};
  if (!is_flash(job_.software.attention) || job_.shape.window > 0)
    return Error{Errc::invalid, "attention: unlike devices share FlashAttention to all tokens"};
  if (layer.kv_heads == 0 || layer.heads % layer.kv_heads != 0)
    return Error{Errc::invalid, "attention: heads of a device, want as many for each of its keys"};
  return layer;
}

Result<SplitAttention> SequenceSplitter::attention(std::uint32_t tensor,
                                                   const std::vector<StagePart>& parts) const {
  if (parts.size() != 2)
    return Error{Errc::invalid, "sequences are shared by groups of two types or of one"};
  SplitAttention split;
  split.problem.layer = AXS_TRY(layer(tensor));
  const std::vector<std::uint32_t> tokens = AXS_TRY(this->tokens(tensor, parts));
  split.problem.query_block = split.problem.key_range =
      AXS_TRY(block_of(split.problem.layer, std::min(tokens[0], tokens[1])));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Machine of_part = machine(parts[i].type);
    const AttentionDevice device{
        .attention = attention_rate(of_part, job_.software, calibration_.shared),
        .memory = of_part.memory,
        .capacity = attention_memory * types_[parts[i].type].accelerator.memory,
        .link = of_part.links.device_rate(),
        .tokens = tokens[i]};
    split.problem.devices.insert(split.problem.devices.end(), parts[i].groups, device);
  }
  split.placement = AXS_TRY(place_shards(split.problem, effort));
  return split;
}

Result<SequenceSplit> SequenceSplitter::split(std::uint32_t tensor,
                                              const std::vector<StagePart>& parts) const {
  return split_of(tensor, parts, AXS_TRY(attention(tensor, parts)));
}

/// In an order that does not depend on that of the types.
bool SequenceSplitter::is_before(std::uint32_t a, std::uint32_t b) const {
  const double of_a = machine(a).attention.value(), of_b = machine(b).attention.value();
  if (of_a != of_b) return of_a > of_b;
  return types_[a].accelerator.name < types_[b].accelerator.name;
}

std::vector<SequenceSplit> SequenceSplitter::all(std::uint32_t one, std::uint32_t other,
                                                 std::uint32_t context) const {
  const auto [first, second] =
      is_before(other, one) ? std::pair{other, one} : std::pair{one, other};
  const auto has = [&](std::uint32_t type, std::uint32_t tensor) {
    return std::ranges::count(node_widths(types_[type].accelerator.per_node).all(), tensor) > 0;
  };
  std::vector<SequenceSplit> splits;
  for (const std::uint32_t tensor : widths) {
    if (tensor > job_.shape.heads || !has(first, tensor) || !has(second, tensor)) continue;
    for (std::uint32_t groups = 1; groups < context; ++groups) {
      auto some = split(tensor, {{.type = first, .groups = groups},
                                 {.type = second, .groups = context - groups}});
      if (some) splits.push_back(*std::move(some));
    }
  }
  return splits;
}

}  // namespace axs::plan
