#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/units.h"

namespace axs::plan {

/// The attention of one layer over one sequence, forward.
struct AttentionLayer {
  std::uint32_t sequence = 1;  ///< tokens
  std::uint32_t heads = 1;
  std::uint32_t kv_heads = 1;  ///< divides heads
  std::uint32_t head_width = 1;
  bool causal = true;
  double value_bytes = 2;  ///< of an element of queries, keys, values and output

  double queries_per_kv() const { return static_cast<double>(heads) / kv_heads; }
};

struct AttentionDevice {
  FlopsPerSecond attention{};  ///< of products that are not masked
  BytesPerSecond memory{};
  Bytes capacity{};
  BytesPerSecond link{};     ///< to all others together, what it sends and what it gets
  std::uint32_t tokens = 0;  ///< of the sequence whose queries, keys and values begin and end here
};

/// The devices hold the sequence in their order. A block is at home where its first token is.
struct AttentionProblem {
  AttentionLayer layer;
  std::uint32_t query_block = 1;  ///< tokens; the last block may be shorter
  std::uint32_t key_range = 1;
  std::vector<AttentionDevice> devices;
};

/// One head of keys with all the heads of queries that share it, one block of queries, one range of
/// keys.
struct AttentionShard {
  std::uint32_t head = 0;
  std::uint32_t query = 0;
  std::uint32_t key = 0;
  double pairs = 0;  ///< of a query and a key that it sees, for one head of queries
};

/// What a layer asks of one device. Transfers run while it computes.
struct DeviceLoad {
  Seconds computing{};  ///< shards by roofline, and merging of what others have attended
  Seconds linking{};
  Bytes resident{};  ///< its own tokens, all that it fetches, sums of the blocks that it attends

  Seconds time() const { return computing > linking ? computing : linking; }
};

struct ShardPlacement {
  std::vector<AttentionShard> shards;
  std::vector<std::uint32_t> device;  ///< of each shard
  std::vector<DeviceLoad> loads;      ///< of each device
  Seconds makespan{};
  Seconds bound{};  ///< no placement is faster
};

/// Pairs of a query in [query_begin, query_end) and a key in [key_begin, key_end) that is not after
/// it.
double causal_pairs(std::uint32_t query_begin, std::uint32_t query_end, std::uint32_t key_begin,
                    std::uint32_t key_end);

/// All shards with something to do, ordered by head, query, key.
std::vector<AttentionShard> cut_attention(const AttentionProblem& problem);

/// Of a placement, counted from scratch.
std::vector<DeviceLoad> device_loads(const AttentionProblem& problem,
                                     const std::vector<AttentionShard>& shards,
                                     const std::vector<std::uint32_t>& device);

/// How long a placement is looked for: until it is no farther above its bound than a share of it,
/// or so many trials were made. The least is enough for optima of small problems.
struct PlacementEffort {
  double close_enough = 0.002;
  std::size_t trials_max = 100'000;  ///< ten milliseconds or so
};

/// A placement of short makespan in which every device has the memory that it needs. An error if
/// the problem makes no sense or no such placement was found.
Result<ShardPlacement> place_shards(const AttentionProblem& problem, PlacementEffort effort = {});

}  // namespace axs::plan
