#include "axs/learn/batcher.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "axs/core/rng.h"

namespace axs::learn {

namespace {

constexpr std::size_t contexts_per_block = 16;
/// One context of each block is given up for the freedom to shift the others.
constexpr std::size_t sequences_per_block = contexts_per_block - 1;

}  // namespace

Result<Batcher> Batcher::create(std::span<const std::uint8_t> text, const ShardPlan& plan) {
  Batcher batcher{text, plan};
  if (plan.shards == 0) return Error{Errc::invalid, "batcher: 0 shards, want at least 1"};
  // The last byte of the text is only a target.
  const std::size_t least = plan.shards * batcher.block_size() + 1;
  if (text.size() < least)
    return Error{Errc::invalid, "corpus: " + std::to_string(text.size()) +
                                    " bytes for training, want at least " + std::to_string(least) +
                                    " for " + std::to_string(plan.shards) + " sites of context " +
                                    std::to_string(plan.context)};
  return batcher;
}

std::size_t Batcher::block_size() const {
  return contexts_per_block * plan_.context;
}

std::uint64_t Batcher::blocks(std::uint32_t shard) const {
  const std::uint64_t all = (text_.size() - 1) / block_size();
  return (all - shard + plan_.shards - 1) / plan_.shards;
}

std::uint64_t Batcher::sequences_per_epoch(std::uint32_t shard) const {
  AXS_ASSERT(shard < plan_.shards);
  return blocks(shard) * sequences_per_block;
}

void Batcher::open_epoch(std::uint32_t shard, std::uint64_t number) {
  if (!epoch_.order.empty() && epoch_.shard == shard && epoch_.number == number) return;
  Rng rng = Rng{plan_.seed}.fork(shard).fork(number);
  epoch_.shard = shard;
  epoch_.number = number;
  epoch_.phase = rng.below(plan_.context + 1);
  epoch_.order.resize(sequences_per_epoch(shard));
  std::iota(epoch_.order.begin(), epoch_.order.end(), 0U);
  for (std::size_t i = epoch_.order.size(); i > 1; --i)
    std::swap(epoch_.order[i - 1], epoch_.order[rng.below(i)]);
}

std::size_t Batcher::position(std::uint32_t shard, std::uint64_t n) {
  const std::uint64_t per_epoch = sequences_per_epoch(shard);
  open_epoch(shard, n / per_epoch);
  const std::size_t sequence = epoch_.order[n % per_epoch];
  const std::size_t block = sequence / sequences_per_block * plan_.shards + shard;
  return block * block_size() + sequence % sequences_per_block * plan_.context + epoch_.phase;
}

Batch Batcher::batch(std::uint32_t shard, std::uint64_t first, std::size_t count) {
  Batch batch;
  for (std::uint64_t n = first; n < first + count; ++n) {
    const auto window = text_.subspan(position(shard, n), plan_.context + 1);
    batch.inputs.insert(batch.inputs.end(), window.begin(), window.end() - 1);
    batch.targets.insert(batch.targets.end(), window.begin() + 1, window.end());
  }
  return batch;
}

}  // namespace axs::learn
