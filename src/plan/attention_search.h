#pragma once

#include <cstdint>
#include <vector>

#include "axs/plan/attention_shards.h"

namespace axs::plan {

/// The device of each shard. Several starts, moves and exchanges of shards while they help, then
/// random kicks; ends early where that is close enough to `bound`. The work is limited by a
/// count, not by a clock. Some device may hold more than its capacity if nothing better was found.
std::vector<std::uint32_t> search_placement(const AttentionProblem& problem,
                                            const std::vector<AttentionShard>& shards,
                                            Seconds bound, PlacementEffort effort);

}  // namespace axs::plan
