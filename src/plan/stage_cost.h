#pragma once

#include <cstdint>
#include <vector>

#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/memory.h"
#include "axs/plan/step_time.h"
#include "axs/plan/training_plan.h"
#include "axs/plan/workload.h"

namespace axs::plan {

/// Where in a pipeline a stage is.
struct StagePlace {
  bool first = true;
  bool last = true;
  double in_flight = 1;  ///< micro-batches whose activations it holds with 1F1B

  bool alone() const { return first && last; }
};
StagePlace place_of(std::size_t stage, std::size_t stages);

/// What stages of one device type and tensor width cost, for any number of layers, if `replicas`
/// replicas share the gradients. The numbers are those of step_time() and memory_use() for plans of
/// one and two stages, so that there is one model of cost: both are linear in the layers of a stage
/// but for the exchange at the end of a step, which is asked for.
class StageCost {
 public:
  /// An error if the job does not go with the width.
  static Result<StageCost> of(const Job& job, const Method& method, const DeviceType& type,
                              std::uint32_t tensor, ReplicaRange replicas,
                              const Calibration& calibration);

  Seconds layer() const { return layer_; }
  Seconds fixed() const { return fixed_; }
  double spread() const { return spread_; }
  /// Of a node, that a stage fills.
  double nodes() const { return nodes_; }

  /// A micro-batch.
  Seconds time(double layers, StagePlace place) const;
  /// What each device uses.
  Bytes memory(double layers, StagePlace place) const;
  /// What time() and tail() are made of: a step of one micro-batch, without bubble, stragglers and
  /// what is fixed.
  StepTime parts(std::uint32_t layers, StagePlace place) const;
  /// What memory() is made of.
  MemoryUse memory_parts(double layers, StagePlace place) const;
  /// One stage with so many layers and nothing else.
  Workload workload(std::uint32_t layers) const { return with(layers, replicas_.least); }
  /// That fit, 0 if none does.
  std::uint32_t most_layers(StagePlace place) const;
  /// That each device lacks if so many stages have the same number of layers.
  Bytes missing(std::uint32_t stages) const;
  /// Exchange of gradients as far as it is exposed, and the optimiser; nothing for a range.
  Seconds tail(std::uint32_t layers);

 private:
  StageCost(Workload work, ReplicaRange replicas, const Calibration& calibration);
  void measure_time();
  void measure_memory();

  Workload with(std::uint32_t layers, std::uint32_t replicas) const;
  Seconds ends(StagePlace place) const;       ///< embedding and head, where they are here
  Seconds transfers(StagePlace place) const;  ///< from and to other stages

  Workload work_;
  ReplicaRange replicas_;
  const Calibration* calibration_;
  std::uint32_t layers_;
  Seconds layer_{}, embedding_{}, head_{}, transfers_{}, fixed_{};
  double spread_ = 1;
  double nodes_ = 1;
  Bytes state_of_layer_{}, state_of_embedding_{}, kept_{}, logits_{}, workspace_{};
  double counted_ = 1;  ///< bytes in use for a byte of tensors
  Bytes runtime_{};
  std::vector<Seconds> tails_;  ///< by layers; negative: not asked for yet
};

}  // namespace axs::plan
