#include "axs/plan/attention_cost.h"

#include <algorithm>

namespace axs::plan {

namespace {

std::uint32_t blocks(std::uint32_t tokens, std::uint32_t size) {
  return tokens / size + (tokens % size > 0 ? 1 : 0);
}

std::vector<std::uint32_t> homes(const AttentionProblem& problem, std::uint32_t size) {
  std::vector<std::uint32_t> home;
  std::uint32_t device = 0;
  std::uint64_t end = problem.devices[0].tokens;
  for (std::uint64_t token = 0; token < problem.layer.sequence; token += size) {
    while (token >= end) end += problem.devices[++device].tokens;
    home.push_back(device);
  }
  return home;
}

double tokens_of(std::uint32_t block, std::uint32_t size, std::uint32_t sequence) {
  return std::min<double>(size, static_cast<double>(sequence) - static_cast<double>(block) * size);
}

}  // namespace

AttentionCost::AttentionCost(const AttentionProblem& problem)
    : problem_{problem},
      query_blocks_{blocks(problem.layer.sequence, problem.query_block)},
      key_ranges_{blocks(problem.layer.sequence, problem.key_range)},
      query_home_{homes(problem, problem.query_block)},
      key_home_{homes(problem, problem.key_range)} {}

double AttentionCost::query_tokens(std::uint32_t block) const {
  return tokens_of(block, problem_.query_block, problem_.layer.sequence);
}

double AttentionCost::key_tokens(std::uint32_t range) const {
  return tokens_of(range, problem_.key_range, problem_.layer.sequence);
}

Bytes AttentionCost::queries(const AttentionShard& shard) const {
  const AttentionLayer& layer = problem_.layer;
  return Bytes{query_tokens(shard.query) * layer.queries_per_kv() * layer.head_width *
               layer.value_bytes};
}

Bytes AttentionCost::keys_and_values(const AttentionShard& shard) const {
  const AttentionLayer& layer = problem_.layer;
  return Bytes{2 * key_tokens(shard.key) * layer.head_width * layer.value_bytes};
}

Bytes AttentionCost::partial(const AttentionShard& shard) const {
  const AttentionLayer& layer = problem_.layer;
  return Bytes{query_tokens(shard.query) * layer.queries_per_kv() * (layer.head_width + 2.0) * 4};
}

Flops AttentionCost::work(const AttentionShard& shard) const {
  const AttentionLayer& layer = problem_.layer;
  return Flops{4 * shard.pairs * layer.queries_per_kv() * layer.head_width};
}

Seconds AttentionCost::time(const AttentionShard& shard, const AttentionDevice& device) const {
  const Bytes moved = queries(shard) + keys_and_values(shard) + 2 * partial(shard);
  return std::max(work(shard) / device.attention, moved / device.memory);
}

Seconds AttentionCost::merge_time(const AttentionShard& shard) const {
  return 3 * partial(shard) / problem_.devices[query_home(shard.query)].memory;
}

Bytes AttentionCost::own(const AttentionDevice& device) const {
  const AttentionLayer& layer = problem_.layer;
  const double elements = 2.0 * layer.head_width * (layer.heads + layer.kv_heads);
  return Bytes{elements * layer.value_bytes * device.tokens};
}

}  // namespace axs::plan
