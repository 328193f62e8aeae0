#include "axs/plan/attention_shards.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "axs/plan/attention_cost.h"
#include "axs/plan/attention_search.h"
#include "axs/plan/is_positive.h"

namespace axs::plan {

namespace {

Error wrong(const std::string& what, double seen, const std::string& want) {
  return {Errc::invalid, "attention: " + what + " " + std::to_string(seen) + ", want " + want};
}

/// Shards times devices; more would need more than a gigabyte.
constexpr double choices_max = 1 << 24;
constexpr std::size_t devices_max = 1 << 12;

Result<> check_device(const AttentionDevice& device, std::size_t index) {
  const std::string name = "device " + std::to_string(index) + ": ";
  if (!is_positive(device.attention.value()))
    return wrong(name + "rate in flop/s", device.attention.value(), "> 0");
  if (!is_positive(device.memory.value()))
    return wrong(name + "memory rate in B/s", device.memory.value(), "> 0");
  if (!is_positive(device.link.value()))
    return wrong(name + "link rate in B/s", device.link.value(), "> 0");
  if (!is_positive(device.capacity.value()))
    return wrong(name + "capacity in B", device.capacity.value(), "> 0");
  return Ok{};
}

Result<> check_layer(const AttentionProblem& problem) {
  const AttentionLayer& layer = problem.layer;
  const auto least = std::min({layer.sequence, layer.heads, layer.kv_heads, layer.head_width,
                               problem.query_block, problem.key_range});
  if (least < 1)
    return wrong("least of sequence, heads, kv heads, head width, query block and key range", least,
                 ">= 1");
  if (layer.heads % layer.kv_heads != 0)
    return wrong("heads", layer.heads, "a multiple of kv heads " + std::to_string(layer.kv_heads));
  if (!is_positive(layer.value_bytes)) return wrong("bytes of a value", layer.value_bytes, "> 0");
  return Ok{};
}

Result<> check(const AttentionProblem& problem) {
  AXS_TRY(check_layer(problem));
  if (problem.devices.empty() || problem.devices.size() > devices_max)
    return wrong("devices", static_cast<double>(problem.devices.size()),
                 "1 to " + std::to_string(devices_max));
  double tokens = 0;
  for (std::size_t i = 0; i < problem.devices.size(); ++i) {
    AXS_TRY(check_device(problem.devices[i], i));
    tokens += problem.devices[i].tokens;
  }
  if (tokens != problem.layer.sequence)
    return wrong("tokens on all devices", tokens,
                 "the sequence, " + std::to_string(problem.layer.sequence));
  const double shards = problem.layer.kv_heads * std::ceil(tokens / problem.query_block) *
                        std::ceil(tokens / problem.key_range);
  const double choices = shards * static_cast<double>(problem.devices.size());
  if (choices > choices_max)
    return wrong("shards times devices", choices, "at most " + std::to_string(choices_max));
  return Ok{};
}

/// Nobody is faster than all devices at full rate, or than the best of them with the longest shard.
Seconds lower_bound(const AttentionProblem& problem, const std::vector<AttentionShard>& shards) {
  const AttentionCost cost{problem};
  FlopsPerSecond rate{};
  for (const AttentionDevice& device : problem.devices) rate += device.attention;
  Flops work{};
  Seconds longest{};
  for (const AttentionShard& shard : shards) {
    work += cost.work(shard);
    Seconds fastest = cost.time(shard, problem.devices[0]);
    for (const AttentionDevice& device : problem.devices)
      fastest = std::min(fastest, cost.time(shard, device));
    longest = std::max(longest, fastest);
  }
  return std::max(work / rate, longest);
}

Result<> check_memory(const AttentionProblem& problem, const std::vector<DeviceLoad>& loads) {
  for (std::size_t i = 0; i < loads.size(); ++i)
    if (loads[i].resident > problem.devices[i].capacity)
      return Error{Errc::exhausted, "attention: device " + std::to_string(i) + " would hold " +
                                        std::to_string(loads[i].resident.value()) +
                                        " B, want at most " +
                                        std::to_string(problem.devices[i].capacity.value())};
  return Ok{};
}

}  // namespace

double causal_pairs(std::uint32_t query_begin, std::uint32_t query_end, std::uint32_t key_begin,
                    std::uint32_t key_end) {
  // Queries within the range of keys see a part of it, those after it see all.
  const double first = std::max(query_begin, key_begin);
  const double last = std::min(query_end, key_end);
  double pairs = 0;
  if (last > first) {
    const double count = last - first;
    pairs = count * (first - key_begin + 1) + count * (count - 1) / 2;
  }
  const std::uint32_t after = std::max(query_begin, key_end);
  if (query_end > after)
    pairs += static_cast<double>(query_end - after) * static_cast<double>(key_end - key_begin);
  return pairs;
}

std::vector<AttentionShard> cut_attention(const AttentionProblem& problem) {
  const AttentionCost cost{problem};
  const std::uint32_t sequence = problem.layer.sequence;
  const auto range = [&](std::uint32_t block, std::uint32_t size) {
    const std::uint64_t begin = std::uint64_t{block} * size;
    const std::uint64_t end = std::min<std::uint64_t>(begin + size, sequence);
    return std::pair{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  };
  std::vector<AttentionShard> shards;
  for (std::uint32_t head = 0; head < problem.layer.kv_heads; ++head)
    for (std::uint32_t query = 0; query < cost.query_blocks(); ++query)
      for (std::uint32_t key = 0; key < cost.key_ranges(); ++key) {
        const auto [q0, q1] = range(query, problem.query_block);
        const auto [k0, k1] = range(key, problem.key_range);
        const double all = static_cast<double>(q1 - q0) * static_cast<double>(k1 - k0);
        const double pairs = problem.layer.causal ? causal_pairs(q0, q1, k0, k1) : all;
        if (pairs > 0) shards.push_back({head, query, key, pairs});
      }
  return shards;
}

std::vector<DeviceLoad> device_loads(const AttentionProblem& problem,
                                     const std::vector<AttentionShard>& shards,
                                     const std::vector<std::uint32_t>& device) {
  const AttentionCost cost{problem};
  std::vector<DeviceLoad> loads(problem.devices.size());
  for (std::size_t i = 0; i < loads.size(); ++i) loads[i].resident = cost.own(problem.devices[i]);
  const auto send = [&](std::uint32_t from, std::uint32_t to, Bytes size) {
    loads[from].linking += size / problem.devices[from].link;
    loads[to].linking += size / problem.devices[to].link;
  };
  const std::size_t heads = problem.layer.kv_heads;
  std::vector<bool> has_block(loads.size() * heads * cost.query_blocks());
  std::vector<bool> has_range(loads.size() * heads * cost.key_ranges());
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const AttentionShard& shard = shards[i];
    const std::uint32_t at = device[i];
    loads[at].computing += cost.time(shard, problem.devices[at]);
    const std::uint32_t query_home = cost.query_home(shard.query);
    const std::uint32_t key_home = cost.key_home(shard.key);
    auto block = has_block[(at * heads + shard.head) * cost.query_blocks() + shard.query];
    auto range = has_range[(at * heads + shard.head) * cost.key_ranges() + shard.key];
    if (!block) {
      block = true;
      loads[at].resident += cost.partial(shard);
      if (at != query_home) {
        loads[at].resident += cost.queries(shard);
        send(query_home, at, cost.queries(shard));
        send(at, query_home, cost.partial(shard));
        loads[query_home].computing += cost.merge_time(shard);
      }
    }
    if (!range && at != key_home) {
      range = true;
      loads[at].resident += cost.keys_and_values(shard);
      send(key_home, at, cost.keys_and_values(shard));
    }
  }
  return loads;
}

Result<ShardPlacement> place_shards(const AttentionProblem& problem, PlacementEffort effort) {
  AXS_TRY(check(problem));
  ShardPlacement placement;
  placement.shards = cut_attention(problem);
  placement.bound = lower_bound(problem, placement.shards);
  placement.device = search_placement(problem, placement.shards, placement.bound, effort);
  placement.loads = device_loads(problem, placement.shards, placement.device);
  AXS_TRY(check_memory(problem, placement.loads));
  for (const DeviceLoad& load : placement.loads)
    placement.makespan = std::max(placement.makespan, load.time());
  return placement;
}

}  // namespace axs::plan
