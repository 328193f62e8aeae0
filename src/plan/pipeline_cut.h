#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "axs/plan/stage_cost.h"

namespace axs::plan {

/// Layers of each stage.
using PipelineCut = std::vector<std::uint32_t>;

/// Cuts `layers` layers into the stages of a pipeline, at least one on each and none more than fit.
class PipelineCutter {
 public:
  /// For replicas of up to `micro_batches` micro-batches.
  PipelineCutter(const std::vector<const StageCost*>& stages,
                 const std::vector<LinkTransfers>& links, std::uint32_t layers,
                 double micro_batches);

  /// The slowest stage is as fast as can be, if none has more than `most` layers. Nothing: the
  /// model does not fit.
  std::optional<PipelineCut> balanced(std::uint32_t most) const;
  /// The sum of the stages is as small as can be while none is slower than `limit`. Nothing: that
  /// cannot be.
  std::optional<PipelineCut> quickest_within(Seconds limit) const;
  /// All cuts that fit if there are few, else none.
  std::vector<PipelineCut> few() const;
  /// Of a micro-batch, in the slowest stage.
  Seconds bottleneck(const PipelineCut& cut) const;

 private:
  struct Stage {
    Seconds empty;  ///< without layers
    Seconds layer;
    std::uint32_t most;

    Seconds time(std::uint32_t layers) const { return empty + layers * layer; }
  };
  bool possible(std::uint32_t most) const;
  PipelineCut level(std::uint32_t most) const;

  std::vector<Stage> stages_;
  std::uint32_t layers_;
};

}  // namespace axs::plan
