#pragma once

#include <cstdint>
#include <vector>

#include "axs/plan/attention_shards.h"

namespace axs::plan {

/// What shards of a problem cost, in numbers that both the plain count of loads and the search use.
/// Blocks are numbered per head: head × blocks of a head + block.
class AttentionCost {
 public:
  explicit AttentionCost(const AttentionProblem& problem);

  std::uint32_t query_blocks() const { return query_blocks_; }
  std::uint32_t key_ranges() const { return key_ranges_; }
  std::uint32_t query_home(std::uint32_t block) const { return query_home_[block]; }
  std::uint32_t key_home(std::uint32_t range) const { return key_home_[range]; }

  Bytes queries(const AttentionShard& shard) const;
  Bytes keys_and_values(const AttentionShard& shard) const;
  /// A sum of weighted values with its greatest score and its weight, in fp32, for each query.
  Bytes partial(const AttentionShard& shard) const;
  /// Two products of a multiplication and an addition for each pair and element.
  Flops work(const AttentionShard& shard) const;
  Seconds time(const AttentionShard& shard, const AttentionDevice& device) const;
  /// The home reads what comes, reads and writes its own.
  Seconds merge_time(const AttentionShard& shard) const;
  /// Queries, keys, values and output of the tokens at home.
  Bytes own(const AttentionDevice& device) const;

 private:
  double query_tokens(std::uint32_t block) const;
  double key_tokens(std::uint32_t range) const;

  const AttentionProblem& problem_;
  std::uint32_t query_blocks_;
  std::uint32_t key_ranges_;
  std::vector<std::uint32_t> query_home_;
  std::vector<std::uint32_t> key_home_;
};

}  // namespace axs::plan
