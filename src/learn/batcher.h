#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "axs/core/result.h"
#include "axs/learn/model.h"

namespace axs::learn {

/// Which part of the training text a worker reads. The text is cut into blocks of 16 contexts; of
/// `shards` shards, shard s owns the blocks b with b mod shards = s. So shards are disjoint but
/// alike.
struct ShardPlan {
  std::uint64_t seed{};
  std::uint32_t shards{1};
  std::size_t context{};
};

/// Deals out the training text of all shards. Sequence n of a shard is a pure function of (plan,
/// text size, shard, n): a site that is away leaves its shard untouched and goes on where it
/// stopped, and a range of sequences of a shard names its tokens exactly.
class Batcher {
 public:
  /// Borrows the text. Error if it has not a block for every shard.
  static Result<Batcher> create(std::span<const std::uint8_t> text, const ShardPlan& plan);

  /// Sequences of a shard before it is read a second time.
  std::uint64_t sequences_per_epoch(std::uint32_t shard) const;

  /// Where sequence n of the shard begins in the text. In one epoch no byte is input twice; the
  /// order and the phase inside the blocks change from epoch to epoch.
  std::size_t position(std::uint32_t shard, std::uint64_t n);

  /// Sequences [first, first + count) of the shard.
  Batch batch(std::uint32_t shard, std::uint64_t first, std::size_t count);

 private:
  Batcher(std::span<const std::uint8_t> text, const ShardPlan& plan) : text_{text}, plan_{plan} {}
  std::size_t block_size() const;
  std::uint64_t blocks(std::uint32_t shard) const;
  void open_epoch(std::uint32_t shard, std::uint64_t epoch);

  /// The order of an epoch, kept because the next call will want the same.
  struct Epoch {
    std::uint32_t shard{};
    std::uint64_t number{};
    std::size_t phase{};
    std::vector<std::uint32_t> order;
  };

  std::span<const std::uint8_t> text_;
  ShardPlan plan_;
  Epoch epoch_;
};

}  // namespace axs::learn
