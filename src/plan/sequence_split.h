#pragma once

#include <cstdint>
#include <vector>

#include "axs/plan/attention_shards.h"
#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/machine.h"
#include "axs/plan/training_plan.h"
#include "axs/plan/workload.h"

namespace axs::plan {

/// Tensor groups of one type, and what each of their devices has to do.
struct SplitPart {
  std::uint32_t type = 0;
  std::uint32_t groups = 1;
  SequenceShare share{};
};

/// How tensor groups of unlike types share every sequence: tokens by the time of what is linear in
/// them, attention in micro-shards, so that no type waits for a slower one.
struct SequenceSplit {
  std::uint32_t tensor = 1;
  std::vector<SplitPart> parts;

  std::uint32_t context() const;
};

/// The attention of one layer to one sequence over the groups of a split, one after the other. All
/// tensor devices of a group do the same for their own heads: this is one that has most.
struct SplitAttention {
  AttentionProblem problem;
  ShardPlacement placement;
};

/// What each device of it has to do: of devices of a part what any of them has.
SequenceSplit split_of(std::uint32_t tensor, const std::vector<StagePart>& parts,
                       const SplitAttention& attention);

/// Splits the sequences of a job over types of a fleet.
class SequenceSplitter {
 public:
  SequenceSplitter(const Job& job, const std::vector<DeviceType>& types,
                   const Calibration& calibration)
      : job_{job}, types_{types}, calibration_{calibration} {}

  /// Of parts types and groups count, and their tokens if they have any. An error if attention is
  /// not FlashAttention, is not to all tokens before, if heads or tokens do not divide, or if a
  /// group has next to none of them.
  Result<SplitAttention> attention(std::uint32_t tensor, const std::vector<StagePart>& parts) const;
  Result<SequenceSplit> split(std::uint32_t tensor, const std::vector<StagePart>& parts) const;
  /// All that a search looks at for two types and so many groups: of 1, 2, 4 and 8 tensor devices,
  /// and any number of them on either type.
  std::vector<SequenceSplit> all(std::uint32_t one, std::uint32_t other,
                                 std::uint32_t context) const;

 private:
  bool is_before(std::uint32_t a, std::uint32_t b) const;
  Workload workload(std::uint32_t type, std::uint32_t tensor, std::uint32_t context) const;
  Machine machine(std::uint32_t type) const;
  Result<std::vector<std::uint32_t>> tokens(std::uint32_t tensor,
                                            const std::vector<StagePart>& parts) const;
  Result<AttentionLayer> layer(std::uint32_t tensor) const;

  const Job& job_;
  const std::vector<DeviceType>& types_;
  const Calibration& calibration_;
};

}  // namespace axs::plan
